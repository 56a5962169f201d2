"""The words of greetings, thanks, put-offs and advertising, in the languages that support mails come in most.

Greetings and thanks are matched as whole texts: a text is only a greeting where nothing else is left of it
(`only_greets`, `only_thanks`), so a long list costs nothing in wrong hits. The others are looked for inside a text.
"""

import re
import unicodedata
from functools import cache

from engine.data.duplicates import normalise

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*(?:_\d+)?\]")
"""What stands for personal data, as privacy writes it."""
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
# Longer texts say more than a greeting, and need not be looked at.
LONGEST_PHRASE = 160

_GREETINGS = """
hi|hello|hey|hiya|howdy|greetings|good morning|good afternoon|good evening|good day|morning|evening|welcome
dear customer|dear sir|dear madam|dear sir or madam|to whom it may concern|hope you are well|i hope you are well
hope you are doing well|i hope you are doing well|i hope this finds you well|i hope this email finds you well
how are you|how are you doing|how are you today|how are you doing today|how is it going|what s up|nice to meet you
how can i help|how can i help you|how can i help you today|how may i help you|how may i help you today
how can i assist you|how can i assist you today|how may i assist you|how may i assist you today
what can i do for you|what can i do for you today|how can we help|how can we help you|how can we help you today
how may i be of assistance|thank you for contacting us|thanks for contacting us|thank you for reaching out
thanks for reaching out|thank you for reaching out to us|thanks for reaching out to us
thank you for contacting support|thanks for getting in touch|thank you for getting in touch|you are chatting with
my name is|this is|here is|i am|is anyone there|is anybody there|anyone there|anybody there|are you there
can you help me|can you help|can someone help|can someone help me|i need help|i have a question
i have a quick question|quick question|question|help|help me|please help|hallo|guten tag|guten morgen|guten abend
moin|servus|grüß gott|grüezi|liebes team|sehr geehrte damen und herren|sehr geehrter kunde|sehr geehrte kundin
wie kann ich helfen|wie kann ich ihnen helfen|wie kann ich dir helfen|was kann ich für sie tun
wie können wir ihnen helfen|ist da jemand|ich habe eine frage|können sie mir helfen|vielen dank für ihre nachricht
danke für ihre nachricht|vielen dank für ihre anfrage|mein name ist|wie geht es ihnen|bonjour|bonsoir|salut|coucou
madame monsieur|comment puis je vous aider|en quoi puis je vous aider|j ai une question|pouvez vous m aider
comment allez vous|merci de nous avoir contactés|je m appelle|il y a quelqu un|hola|buenos días|buenas tardes
buenas noches|buenas|buen día|estimado cliente|estimada clienta|cómo puedo ayudarle|cómo puedo ayudarte
en qué puedo ayudarle|en qué puedo ayudarte|cómo está|cómo estás|qué tal|tengo una pregunta|gracias por contactarnos
gracias por ponerse en contacto con nosotros|mi nombre es|hay alguien ahí|me pueden ayudar|ciao|buongiorno|buonasera
salve|gentile cliente|come posso aiutarla|come posso aiutarti|ho una domanda|come va|grazie per averci contattato
mi chiamo|mi potete aiutare|olá|oi|bom dia|boa tarde|boa noite|prezado cliente|como posso ajudar|como posso ajudá lo
tudo bem|tenho uma pergunta|obrigado por entrar em contato|meu nome é|hoi|goedemorgen|goedemiddag|goedenavond
goedendag|beste klant|waarmee kan ik u helpen|waarmee kan ik je helpen|hoe kan ik u helpen|hoe kan ik je helpen
ik heb een vraag|hej|hejsan|god morgon|god dag|goddag|hei|hvordan kan jeg hjelpe|hur kan jag hjälpa dig
hvordan kan jeg hjælpe|cześć|dzień dobry|witam|dobry wieczór|w czym mogę pomóc|jak mogę pomóc|mam pytanie|ahoj
dobrý den|merhaba|selam|iyi günler|size nasıl yardımcı olabilirim|szia|üdvözlöm|jó napot|bună|bună ziua|здравствуйте
привет|добрый день|доброе утро|добрый вечер|чем могу помочь|чем я могу вам помочь|у меня вопрос|добрий день|вітаю
你好|您好|早上好|请问|こんにちは|お世話になっております|안녕하세요|xin chào|halo|selamat pagi|selamat siang|مرحبا
السلام عليكم|नमस्ते
"""
_THANKS = """
thanks|thank you|thank u|thx|ty|tysm|cheers|ta|many thanks|much appreciated|i appreciate it|i appreciate that
appreciated|i really appreciate it|i appreciate your help|thanks a lot|thanks so much|thank you so much
thank you very much|thanks very much|thanks a million|thanks a bunch|thanks a ton|thanks again|thank you again
thanks for your help|thank you for your help|thanks for the help|thank you for the help|thanks for your time
thank you for your time|thanks for your assistance|thank you for your assistance|thanks for your quick response
thanks for the quick response|thank you for your quick response|thank you for the quick response
thanks for your quick reply|thanks for the quick reply|thanks for the info|thank you for the information
thanks for the information|thanks for letting me know|thanks in advance|thank you in advance|you are welcome
you re welcome|your welcome|youre welcome|no problem|no problem at all|my pleasure|it was my pleasure|anytime
any time|don t mention it|not at all|glad to help|happy to help|glad i could help|happy to hear that
glad to hear that|glad to hear it|great to hear|that s great|that is great|great|perfect|awesome|excellent|wonderful
ok|okay|super|cool|nice|got it|understood|sounds good|will do|all good|all set|that worked|it worked|it works now
it works|works now|that helped|that helps|problem solved|solved|yes|no|sure|alright|fine|lovely|brilliant
have a nice day|have a great day|have a good day|have a lovely day|have a wonderful day|have a good one
have a great one|have a nice weekend|have a great weekend|have a good weekend|enjoy your day
enjoy the rest of your day|take care|bye|goodbye|bye bye|see you|good night|same to you|you too|best regards
kind regards|regards|best wishes|best|sincerely|is there anything else i can help you with
is there anything else i can help you with today|is there anything else i can do for you
anything else i can help you with|is there anything else|let us know if you need anything else
let me know if you need anything else|let me know if you have any other questions
if you need anything else let us know|feel free to reach out|feel free to reach out anytime|danke|vielen dank
danke schön|dankeschön|besten dank|herzlichen dank|tausend dank|danke sehr|danke für die hilfe|danke für ihre hilfe
danke für die schnelle antwort|vielen dank für die schnelle antwort|vielen dank für ihre hilfe|bitte|bitte sehr
bitte schön|gern|gerne|gern geschehen|gerne geschehen|kein problem|keine ursache|alles klar|super danke|schönen tag
schönen tag noch|einen schönen tag|einen schönen tag noch|schönes wochenende|auf wiedersehen|tschüss|viele grüße
liebe grüße|mit freundlichen grüßen|beste grüße|hat geklappt|das hat geholfen|kann ich sonst noch helfen|merci
merci beaucoup|mille mercis|merci bien|merci pour votre aide|merci de votre réponse|merci d avance|de rien
je vous en prie|avec plaisir|bonne journée|bonne soirée|au revoir|cordialement|bien cordialement|parfait|d accord
gracias|muchas gracias|mil gracias|gracias por su ayuda|gracias por tu ayuda|muchísimas gracias|de nada|con gusto
no hay de qué|que tenga un buen día|que tengas un buen día|adiós|hasta luego|saludos|un saludo|perfecto|vale|grazie
grazie mille|mille grazie|molte grazie|grazie per l aiuto|prego|di niente|buona giornata|buona serata|arrivederci
cordiali saluti|perfetto|va bene|obrigado|obrigada|muito obrigado|muito obrigada|de nada|por nada|tenha um bom dia
até logo|atenciosamente|bedankt|dank u|dank je|dank u wel|dank je wel|hartelijk dank|graag gedaan|geen probleem
fijne dag|fijne dag nog|met vriendelijke groet|tot ziens|tack|tack så mycket|tusen tack|takk|tusen takk|mange takk
tak|mange tak|tak for hjælpen|varsågod|ha en bra dag|hyvää päivänjatkoa|kiitos|kiitos paljon|dziękuję
dziękuję bardzo|dzięki|proszę bardzo|nie ma za co|miłego dnia|pozdrawiam|děkuji|díky|köszönöm|mulțumesc|teşekkürler
teşekkür ederim|çok teşekkürler|rica ederim|спасибо|спасибо большое|большое спасибо|пожалуйста|не за что
всего доброго|хорошего дня|с уважением|до свидания|дякую|谢谢|非常感谢|不客气|ありがとうございます|ありがとう
どういたしまして|감사합니다|고맙습니다|cảm ơn|terima kasih|شكرا|धन्यवाद
"""
# What may stand beside these without saying more: who is spoken to, and small words.
_FILLERS = """
there|team|all|everyone|everybody|folks|guys|guy|sir|madam|ma am|mr|mrs|ms|miss|dear|customer|support|service|friend
again|so|very|much|really|and|oh|ah|well|please|now|today|then|for|me|with|you|your|it|that|support team
valued customer|back|to|herr|frau|damen|herren|zusammen|team|liebe|lieber|und|noch|sehr|euch|ihnen|dir|mal|à tous|et
vous|monsieur|madame|equipo|y|señor|señora|a todos|usted|e|signore|signora|a tutti|het|en|och|og|i|pan|pani
"""


@cache
def _phrases(*lists: str) -> tuple[frozenset[tuple[str, ...]], int]:
    """Phrases as tuples of words, and the length of the longest."""
    found = frozenset(
        tuple(normalise(phrase).split()) for text in lists for line in text.split("\n") for phrase in line.split("|")
    ) - {()}
    return found, max(map(len, found))


# Of the words above, those without which a text is mere consent.
_THANKING = re.compile(
    r"thank|thx|\bty|cheers|\bta\b|appreciat|welcome|pleasure|problem|glad|happy|mention|any ?time|\bday\b|weekend|"
    r"bye|"
    r"night|regards|wishes|take care|worked|works|helped|helps|solved|anything else|reach out|"
    r"dank|gern|bitte|ursache|tag\b|wochenende|wiedersehen|tschüss|grüße|grüßen|geklappt|geholfen|"
    r"merci|rien|prie|plaisir|journée|soirée|revoir|cordial|gracias|nada|gusto|adiós|luego|salud|grazie|prego|niente|"
    r"giornata|serata|arrivederci|saluti|obrigad|bom dia|logo|bedankt|graag|fijne|groet|ziens|tack|takk|\btak\b|"
    r"kiitos|dzięk|proszę|za co|miłego|pozdrawiam|děkuji|díky|köszönöm|mulțumesc|teşekkür|rica|спасибо|пожалуйста|"
    r"не за что|доброго|дня|уважением|свидания|дякую|谢|感谢|不客气|ありがとう|どういたし|감사|고맙|"
    r"cảm ơn|terima|شكرا|धन्यवाद".casefold()
)


def only_greets(text: str) -> bool:
    """Whether a text is a greeting, an offer to help or a call for somebody, and nothing else."""
    return _consists_of(text, _GREETINGS)


def only_thanks(text: str) -> bool:
    """Whether a text is thanks, what is said in return or a goodbye, and nothing else; "yes" alone is none."""
    return _consists_of(text, _THANKS, _GREETINGS) and not only_greets(text) and bool(_THANKING.search(normalise(text)))


def _consists_of(text: str, *lists: str) -> bool:
    if len(text) > LONGEST_PHRASE:
        return False
    phrases, longest = _phrases(*lists)
    fillers, _ = _phrases(_FILLERS)
    shown = unicodedata.normalize("NFKC", PLACEHOLDER.sub(" \u2060 ", text))
    words = [(word.group().casefold(), word) for word in _WORD.finditer(shown)]
    place, said = 0, False
    while place < len(words):
        rest = [word for word, _ in words[place : place + longest]]
        length = next((n for n in range(len(rest), 0, -1) if tuple(rest[:n]) in phrases), 0)
        if length:
            place, said = place + length, True
        elif (rest[0],) in fillers or (said and _may_be_name(shown, words[place][1])):
            place += 1
        else:
            return False
    return said


_WORD = re.compile(r"[^\W_]+")


def _may_be_name(text: str, word: re.Match[str]) -> bool:
    """Whether a word stands as names do behind a greeting: capitalised, before a mark or the end."""
    return word.group().istitle() and text[word.end() :].lstrip()[:1] in ("", ",", "!", ".", ":")


UNKNOWING = re.compile(
    r"\bi (?:do not|don['’]?t|dont) (?:really |actually )?know\b|\bno idea\b|\bi am not sure\b|\bi['’]?m not sure\b|"
    r"\bnot sure (?:about|what|how|why|if)\b|\bi have no (?:information|clue)\b|\bcannot answer (?:this|that)\b|"
    r"\b(?:das )?weiß ich (?:leider )?nicht\b|\bich weiß (?:es )?(?:leider )?nicht\b|\bkeine ahnung\b|"
    r"\bbin mir nicht sicher\b|\bje ne sais pas\b|\baucune idée\b|\bno (?:lo )?sé\b|\bni idea\b|\bnon (?:lo )?so\b|"
    r"\bnão sei\b|\bik weet (?:het )?niet\b|\bgeen idee\b|\bnie wiem\b|\bне знаю\b",
    re.IGNORECASE,
)
"""An answer that says its writer does not know."""

PUT_OFF = re.compile(
    r"\b(?:will|['’]ll|shall|going to) (?:get|come|be) back (?:to you|with)\b|"
    r"\bget back to you (?:soon|shortly|asap|as soon)\b|"
    r"\b(?:will|['’]ll) (?:look|check) into (?:it|this|that)\b|"
    r"\b(?:are|am|['’]re|['’]m) (?:looking|checking) into (?:it|this|that)\b|"
    r"\b(?:have|['’]ve) (?:forwarded|escalated|passed) (?:this|your|it|the)\b|"
    r"\b(?:will|['’]ll) (?:forward|escalate) (?:this|your|it|the)\b|"
    r"\bsomeone (?:from our team )?will (?:contact|reach out|be in touch)\b|\bwe will contact you (?:soon|shortly)\b|"
    r"\bbear with (?:me|us)\b|\blet me check (?:this|that|with)\b|\bone moment(?: please)?\s*[.!]*$|\bplease hold\b|"
    r"\b(?:melde|melden) (?:mich|uns) (?:wieder|bei ihnen|in kürze|schnellstmöglich)\b|"
    r"\bhabe(?:n)? (?:es|dies|das) weitergeleitet\b|"
    r"\brevien(?:s|drons|drai) vers vous\b|\bnous reviendrons vers vous\b|"
    r"\ble (?:responderemos|contactaremos) (?:pronto|en breve)\b|"
    r"\bnos pondremos en contacto\b|\bla ricontatteremo\b|"
    r"\bkomen (?:hier )?(?:zo snel mogelijk )?(?:bij u )?op terug\b",
    re.IGNORECASE,
)
"""An answer that puts the customer off to later or to somebody else."""

SPAM_PHRASES: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), weight)
    for pattern, weight in (
        (r"\bseo (?:services?|experts?|compan(?:y|ies)|packages?|agency|audit)\b", 2),
        (r"\b(?:rank|ranking|page one|first page|top) (?:\w+ ){0,4}(?:on|of|in) google\b|\bgoogle rankings?\b", 2),
        (r"\bback ?links?\b|\bguest posts?\b|\bdomain authority\b|\bsponsored (?:posts?|articles?)\b", 2),
        (r"\b(?:increase|boost|drive|grow) (?:\w+ ){0,4}(?:web ?site )?(?:traffic|followers|sales leads)\b", 2),
        (r"\b(?:viagra|cialis|levitra|xanax|tramadol|weight[- ]loss pills?|penis enlargement)\b", 3),
        (r"\b(?:online )?casinos?\b|\bfree spins?\b|\bsports? ?bett?ing\b|\bjackpot\b", 2),
        (r"\b(?:make|earn) (?:up to )?(?:money|cash|\$|€|£)\s?[\d,.k]*(?: ?(?:fast|online|from home|per|a|every))", 2),
        (r"\bwork (?:from|at) home\b.{0,60}(?:\$|earn|income)|\bpassive income\b|\bfinancial freedom\b", 2),
        (r"\byou (?:have|['’]ve) (?:won|been selected)\b|\bclaim your (?:prize|reward|gift|bonus)\b", 3),
        (r"\b(?:beneficiary|next of kin|inheritance)\b.{0,200}\b(?:million|usd)\b", 3),
        (r"\b(?:million|usd) .{0,80}\b(?:beneficiary|next of kin|inheritance|barrister)\b", 3),
        (r"\b(?:hot|sexy|lonely) (?:singles?|girls?|women|ladies)\b|\badult dating\b|\bsex (?:chat|date|dating)\b", 3),
        (r"\bguaranteed (?:returns?|profits?|income)\b|\b(?:double|triple) your (?:money|bitcoin|investment)\b", 3),
        (r"\bcrypto(?:currency)? (?:investment|trading) (?:platform|opportunity|program|signals?)\b", 2),
        (r"\bwe (?:are|offer) .{0,40}\b(?:web|app|software)[\w ]{0,9} (?:design|development) (?:agency|services?)", 2),
        (r"\b(?:email|contact|leads?) (?:lists?|databases?)\b.{0,80}\b(?:sale|buy|verified|decision makers?)\b", 2),
        (r"\b(?:click|visit|order|act|buy|subscribe) (?:here|now)\b(?=.{0,3}[!:]|.{0,20}(?:https?:|www\.))", 1),
        (r"\blimited[- ]time offer\b|\b100% free\b|\brisk[- ]free\b", 1),
        (r"\bunsubscribe\b|\bopt[- ]out\b|\bthis is an ad(?:vertisement)?\b", 1),
        (r"\bdear (?:webmaster|site owner|website owner|business owner|beneficiary|friend)\b", 1),
        (r"\b(?:partnership|collaboration|business) (?:proposal|opportunity|inquiry)\b", 1),
        (r"[$€£]{2,}|!{3,}", 1),
        (r"\b(?:kredit ohne schufa|schnell geld verdienen|suchmaschinenoptimierung)\b|\bplatz 1 bei google\b", 2),
        (r"\bgane dinero\b|\bposicionamiento (?:web|seo)\b|\bgagnez de l['’]argent\b", 2),
        (r"\bréférencement\b.{0,40}\bgoogle\b", 2),
        (r"加微信|加QQ|代开发票|博彩|продвижение сайт|заработ(?:ок|ай)\b.{0,30}(?:интернет|дом)|казино", 2),
    )
)  # fmt: skip
"""What advertising says and how much it counts; two make a text spam."""
