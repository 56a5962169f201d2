"""The words by which mail programs and writers mark quotes, headers, footers and greetings, in twenty languages."""

import re

_WROTE = (
    # English, German, French, Spanish, Portuguese, Italian, Dutch
    r"wrote|writes|schrieb|schreibt|a écrit|a ecrit|escribió|escribio|escreveu|ha scritto|scrisse|schreef|"
    r"het volgende geschreven|geschreven|"
    # Danish, Norwegian, Swedish, Finnish, Estonian
    r"skrev|skrev følgende|följande|kirjoitti|kirjutas|"
    # Polish, Czech, Slovak, Hungarian, Romanian, Croatian, Slovenian
    r"napisał\(a\)|napisał|napisała|pisze|napsal\(a\)|napsal|napsala|napísal|írta|a scris|napisao|je napisal\(a\)|"
    # Russian, Ukrainian, Bulgarian, Greek, Turkish, Hebrew, Arabic
    r"написал\(а\)|написал|написала|пишет|пише|написав|написала|написа|έγραψε|şunları yazdı|yazdı|כתב|כתבה|كتب|"
    # Chinese, Japanese, Korean, Vietnamese, Indonesian, Thai
    r"写道|寫道|さんは書きました|のメッセージ|のメール|님이 작성|작성|đã viết|menulis|เขียน"
)
# The verb at the end; in German and Polish, the date or the writer may come after it.
WROTE = re.compile(
    rf"(?:^|[\s>,）)\"'’])(?:{_WROTE})\s*(?:[:：]|-{{2,}}\s*$|$)|\b(?:schrieb|skrev|schreef)\b[^.!?]*?.{{0,120}}:\s*$",
    re.IGNORECASE,
)

_FORWARDED = (
    r"original message|original email|forwarded message|forwarded by .+|reply message|"
    r"ursprüngliche nachricht|original-?nachricht|originalnachricht|weitergeleitete nachricht|"
    r"message d'origine|message original|message transféré|message d’origine|"
    r"mensaje original|mensaje reenviado|mensagem original|mensagem encaminhada|"
    r"messaggio originale|messaggio inoltrato|oorspronkelijk bericht|doorgestuurd bericht|"
    r"ursprungligt meddelande|originalmeddelande|vidarebefordrat meddelande|opprinnelig melding|"
    r"oprindelig meddelelse|"
    r"alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|eredeti üzenet|mesaj original|"
    r"исходное сообщение|пересылаемое сообщение|оригинальное сообщение|початкове повідомлення|orijinal mesaj|"
    r"αρχικό μήνυμα|原始邮件|原始郵件|转发的邮件|转发邮件信息|元のメッセージ|원본 메시지|tin nhắn gốc|pesan asli"
)
FORWARDED = re.compile(
    rf"[*\s]*[-_=]{{2,}}\s*(?:{_FORWARDED})\s*[-_=]*[*\s]*:?$|"
    r"(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:transféré|"
    r"réexpédié)|"
    r"inicio del mensaje reenviado|início da mensagem (?:encaminhada|reencaminhada)|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht|vidarebefordrat brev|начало переадресованного (?:письма|сообщения))\s*:?\s*$",
    re.IGNORECASE,
)

# What helpdesks put above the mails they send, so that a reply can be cut there.
REPLY_ABOVE = re.compile(
    r"(?:reply|response|respond)\b.{0,20}\babove this line|(?:antwort|antworten)\b.{0,30}\b(?:über|"
    r"oberhalb) dieser (?:linie|zeile)|"
    r"répon(?:se|dre)\b.{0,40}au-dessus de cette ligne|respuesta\b.{0,30}(?:encima|arriba) de esta línea|"
    r"resposta\b.{0,30}acima desta linha|risposta\b.{0,30}sopra (?:a )?questa (?:riga|linea)|"
    r"antwoord\b.{0,30}boven deze (?:lijn|regel)",
    re.IGNORECASE,
)

HEADER_KINDS: dict[str, str] = {
    label: kind
    for kind, labels in {
        "from": "from|von|de|da|van|från|fra|lähettäjä|od|odesílatel|feladó|de la|от|від|από|kimden|מאת|من|"
        "发件人|寄件者|寄件人|差出人|보낸 사람|từ|dari|expéditeur|remitente|mittente",
        "sent": "sent|date|gesendet|datum|gesendet am|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviada em|"
        "fecha|data|"
        "inviato|inviata|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|wysłano|data wysłania|odesláno|elküldve|"
        "dátum|"
        "trimis|отправлено|дата|надіслано|ημερομηνία|gönderildi|tarih|"
        "发送时间|日期|時間|寄件日期|送信日時|日付|날짜|보낸 날짜|ngày|tanggal",
        "to": "to|an|à|para|a|aan|till|til|vastaanottaja|do|komu|címzett|către|кому|προς|kime|收件人|收件者|"
        "宛先|받는 사람|đến|kepada|destinataire|destinatario|empfänger",
        "copy": "cc|bcc|kopie|kopia|kopi|copie|копия|копія|抄送|副本|참조",
        "subject": "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|předmět|tárgy|"
        "subiect|"
        "тема|θέμα|konu|主题|主旨|件名|제목|chủ đề|perihal",
        "reply": "reply-to|antwort an|répondre à|responder a|rispondi a|risposta|antwoorden aan|svar till|svar til",
    }.items()
    for label in labels.split("|")
}

_DEVICES = (
    r"(?:iphone|ipad|ipod|android|mobil|handy|smart ?phone|phone|cell|telefon|teléfono|téléphone|"
    r"celular|móvil|cellulare|"
    r"blackberry|samsung|galaxy|htc|huawei|xiaomi|pixel|alcatel|nokia|windows|outlook|yahoo|mailbox|airmail|sparrow|mail|"
    r"proton|spark|gmail|gmx|web\.de|tablet|ti-85|mac|айфон|мобильн|телефон)"
)
_SENT_FROM = (
    r"(?:sent (?:from|via|with|using)|gesendet (?:von|mit|über)|envoyé (?:de|depuis|à partir)|enviado (?:desde|de|do)|"
    r"enviada (?:do|de)|inviato (?:da|dal)|verzonden (?:met|vanaf|vanuit|via)|verstuurd (?:vanaf|met|via)|"
    r"skickat från|sendt fra|lähetetty|wysłan[eo] z|odesláno z|trimis de|отправлено (?:с|из)|надіслано з)"
)
# A whole line; only the form that mail programs give it, since customers write of their phones too.
MOBILE = re.compile(
    rf"[<(\[*_\s]*(?:{_SENT_FROM}\b.{{0,30}}\b{_DEVICES}.{{0,80}}|"
    rf"(?:\w+ )?(?:from|via) (?:my )?{_DEVICES}(?: ?\w{{1,3}})?|"
    rf"sent (?:by|from) (?:my |a |an )?{_DEVICES}\w*|get (?:outlook|bluemail|typeapp|\[outlook) ?.{{0,80}}|"
    rf"(?:diese (?:nachricht|e-?mail) wurde )?von (?:meinem|unterwegs|mein)\b.{{0,40}}gesendet\.?|"
    rf"(?:télécharger|obtenez|obtener|obtenha|scarica|holen sie sich|téléchargez) outlook.{{0,80}}|"
    rf"{_DEVICES}\w*(?:'dan|'den|dan|den|umdan|ımdan) gönderildi|via mobile|"
    r"(?:從|从)我的.{1,30}(?:傳送|发送|發送)|发自我的.{1,30}|.{1,30}から送信|(?:나의|내).{1,30}에서 보냄)[>)\]*_\s]*$",
    re.IGNORECASE,
)

_MAIL = r"\b(?:e-?mail|message|communication|transmission)\w*\b"
DISCLAIMER = re.compile(
    rf"(?:{_MAIL}.{{0,300}}\b(?:intended (?:recipients?|solely|only for the|for the)|privileged|addressees?)\b)|"
    rf"confidential(?:ity)?\b.{{0,300}}\b(?:privileged|intended recipient|addressee)|"
    rf"virus-free\.?\W{{0,5}}(?:www|https?|$)|{_MAIL}.{{0,60}}(?:scanned|checked|analy[sz]ed) (?:by|for) |"
    r"(?:think|consider) .{0,30}environment before (?:printing|you print)|"
    r"(?:e-?mail|nachricht)\b.{0,200}vertraulich\w*.{0,300}(?:empfänger|adressat|vernichten|löschen)|"
    r"nicht der (?:richtige|beabsichtigte|vorgesehene) (?:adressat|empfänger)|"
    r"(?:message|courriel|e-?mail)\b.{0,200}confidentiel\w*.{0,300}destinataire|"
    r"(?:mensaje|correo|mensagem|e-?mail)\b.{0,200}confidencia\w*.{0,300}destinat[aá]ri|"
    r"(?:messaggio|e-?mail)\b.{0,200}(?:riservat|confidenzial)\w*.{0,300}destinatari|"
    r"(?:bericht|e-?mail)\b.{0,200}vertrouwelijk.{0,300}(?:geadresseerde|bestemd)|"
    r"questo messaggio e.{0,3} stato analizzato|"
    r"(?:konfidentiel|fortrolig|luottamuksel|poufn)\w*.{0,300}(?:mottagar|modtager|mottaker|vastaanottaj|adresat)|"
    r"конфиденциальн\w*.{0,300}(?:получател|адресат)",
    re.IGNORECASE,
)

CLOSINGS = re.compile(
    r"(?:(?:kind|best|warm|warmest|kindest|many|with|my|friendly)\s+(?:kind |best |warm )?(?:regards|wishes|thanks)|"
    r"regards|best|cheers|"
    r"thanks|thank you|thanks again|many thanks|thanks and regards|thx|sincerely|yours sincerely|yours faithfully|"
    r"yours truly|yours|respectfully|"
    r"all the best|take care|have a (?:nice|great|good|lovely|wonderful) (?:day|weekend|evening|one)|"
    r"(?:mit )?(?:freundlichen|freundliche|besten|beste|herzlichen|herzliche|lieben|liebe|viele|vielen|"
    r"schöne) (?:grüße|grüßen|gruß|gruss|grüsse|dank)|"
    r"mfg|lg|vg|gruß|grüße|danke|cordialement|bien cordialement|bien à vous|sincères salutations|"
    r"meilleures salutations|merci|"
    r"salutations distinguées|saludos|saludos cordiales|un saludo|atentamente|gracias|muchas gracias|atenciosamente|"
    r"att|abraços|obrigad[oa]|"
    r"cordiali saluti|distinti saluti|saluti|grazie|un saluto|met vriendelijke groet(?:en)?|"
    r"vriendelijke groet(?:en)?|groet(?:en|jes)?|bedankt|"
    r"med vänliga hälsningar|vänliga hälsningar|hälsningar|mvh|med venlig hilsen|vennlig hilsen|venlig hilsen|"
    r"hilsen|ystävällisin terveisin|terveisin|"
    r"pozdrawiam|z poważaniem|s pozdravem|üdvözlettel|с уважением|спасибо|з повагою|saygılarımla|teşekkürler|此致|敬上|"
    r"よろしくお願いいたします|敬具|감사합니다)"
    r"[\s,.!;:–—-]*$",
    re.IGNORECASE,
)
