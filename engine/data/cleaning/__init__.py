"""Cleaning: reviewable steps over the examples, and how good each example is.

steps.py        what each step is called and does; repairs.py and screening.py are what they do
phrases.py      words of greetings, thanks, put-offs and advertising
languages.py    which language a short text is in
settings.py     what is switched off, limits of length, the language
looking.py      looks what the steps would do; pipeline.py makes one, takes it back; reading.py reads for them
overview.py     all of it at once
quality.py      the rules by which an example is judged; judging.py judges a workspace; standing.py
                which marks count and which examples are golden
"""
