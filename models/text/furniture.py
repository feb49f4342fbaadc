"""Recognises what stands in an article but is not its prose: captions, credits, promotions, notices. English, and
case-sensitive on purpose: news writes such lines in set forms.

One table holds every pattern with an example, which is its test. `make text-bench` counts the false alarms of each."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

Furniture = Literal[
    "caption", "credit", "date", "embed", "helpline", "link", "notice", "promotion", "subscription", "table"
]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A form that furniture takes.

    Args:
        kind: what such a sentence is.
        example: one that it recognises.
        expression: matched at the start of the sentence.
        anywhere: looked for in all of the sentence instead, where one of these stands in it (in lower case).
        most_words: a longer sentence holds prose beside, and is kept.
    """

    kind: Furniture
    example: str
    expression: str
    most_words: int = 20
    anywhere: tuple[str, ...] = ()


NAME = r"[A-Z][\w.'’-]+(?: (?:[A-Z][\w.'’-]*|de|van|der|al|bin))+"
AGENCY = (
    r"(?:AAP|AFP|AP|APTN|ANI|BBC|Bloomberg|CNN|EPA|Getty|IANS|iStock|LANDOV|PA|PTI|Press Association|Reuters|REUTERS|Rex"
    r"|Shutterstock|SWNS|TASS|UPI|Xinhua|ZUMA)\b"
)
UNFINISHED = r"(?:a|an|and|are|as|at|be|been|but|by|called|Dr|for|from|had|has|have|her|his|into|is|its|Judge|Mr|Mrs|Ms|of|or|Sir|that|the|their|to|was|were|which|who|will|with|would)"
"""The last word of no sentence: what follows it was lost."""
PICTURE = r"(?:Photo|Photograph|Image|Picture|Illustration|Graphic|Composite|Video)"

PATTERNS = (
    # credits
    Pattern("credit", "Reporting by Ann Lee; editing by Bo Park", r"\W*(?:Additional |With )?(?:[Rr]eporting|[Ww]riting|[Ee]diting|Compiled) by [A-Z]", 60),
    Pattern("credit", "Editors: Ann Lee and Bo Park", r"(?:Contributing|Reporters?|Editors?|Writers?|Producers?): [A-Z]", 40),
    Pattern("credit", "By Ann Lee, Political Editor", r"By [A-Z][\w.'’-]+ [A-Z][\w.'’ -]+(?:, [A-Z][\w ]+)?\.?$", 14),
    Pattern("credit", "Ann Lee contributed to this report.", r"\b[Cc]ontribut(?:ed|ing|ors?)\b.{0,40}\bto (?:this|the) (?:report|story|article|piece|post)\b", 40, anywhere=("contribut",)),
    Pattern("credit", "Ann Lee reported from Vik, and Bo Park from Oslo.", rf"(?:[A-Z]\w+['’]s )?{NAME},? (?:reported|wrote) (?:from|in) [A-Z].{{0,40}}(?:\band\b .{{0,60}}(?:from|in) [A-Z]\w+)", 30),
    Pattern("credit", "(NTB)", rf"\W*\((?:[A-Z]{{2,6}}|{AGENCY})\)\W*$|\W*{AGENCY}\W*$", 3),
    Pattern("credit", "By . Ann Lee .", r"\W*(?:By|BY)\W*(?:$|\.\s[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,3}\s?\.$)", 7),
    Pattern("credit", "Ann Lee lives in Vik.", rf"{NAME} (?:lives (?:and works )?in [A-Z][\w.]+(?:,? [A-Z][\w.]+)*\W*$|has been (?:covering|reporting on|writing about)\b)", 25),
    Pattern("credit", "Ann Lee is a columnist based in Vik.", rf"{NAME} is (?:an?|the) (?:\S+ ){{0,4}}(?:writer|journalist|columnist|correspondent|reporter|editor|host of)\b(?!.{{0,60}}\b(?:who|accused|arrested|jailed|killed|said)\b)", 30),
    Pattern("credit", "She is a reporter for the Harbour Press.", r"(?:He|She) is (?:an?|the) (?:\S+ ){0,3}(?:writer|journalist|columnist|correspondent|reporter|editor|producer|contributor) (?:for|at|with|to|of|based|in)\b", 25),
    Pattern("credit", "Her work has appeared in many newspapers.", r"(?:His|Her|Their) (?:work|writing|articles?|essays?) (?:has|have) appeared in\b", 40),
    Pattern("credit", "She is also on Mastodon at @annlee.", r"(?:I am|He is|She is|You can find \w+) (?:also )?on (?:Bluesky|Mastodon|Twitter|X|Threads|Instagram)\b", 25),
    # pictures
    Pattern("caption", "FILE - Ann Lee speaks in Vik in May.", r"(?:FILE|File)\s?(?:PHOTO|photo|picture|image)?\s?(?:[-–—:]|of\b)", 60),
    Pattern("caption", "Photograph: Ann Lee/Harbour Press", rf"\W{{0,2}}{PICTURE}s?\s?(?:[:/|]|by\b|courtesy|[Cc]redit|copyright|caption|source)", 25),
    Pattern("caption", "(Photo by Ann Lee)", rf"\({PICTURE}s?\s?(?:[:/]|by\b|courtesy|[Cc]redit)[^)]{{0,80}}\)?", 45, anywhere=("(photo", "(image", "(picture", "(illustration", "(graphic", "(composite", "(video")),
    Pattern("caption", "The mayor at work. (AP Photo/Ann Lee)", rf"\({AGENCY}(?: (?:[Pp]hoto|[Ii]mages?|[Ff]ile|Wire)|\s?/)[^)]{{0,80}}\)?", 60, anywhere=("(",)),
    Pattern("caption", "Ann Lee/AFP via Getty Images", rf"\w\s?/\s?(?:{AGENCY})", 14, anywhere=("/",)),
    Pattern("caption", "Ann Lee / Getty Images", r"\bGetty Images?\b", 12, anywhere=("getty",)),
    Pattern("caption", "Credit: Harbour Press", r"\W{0,2}(?:[Cc]redits?|CREDITS?|Source|SOURCE|Courtesy)\s?[:/] ?[A-Z@]", 12),
    Pattern("caption", "The bridge of Vik. Photo: Ann Lee", rf"\b{PICTURE}s?(?:graph)?(?:s)?: [A-Z]", 40, anywhere=("photo", "image", "picture", "illustration", "graphic", "composite", "video")),
    Pattern("caption", "The mayor, Ann Lee (right), greets Bo Park (left) in Vik", r"^.{0,120}\((?:[Ff]ar |top |bottom |centre |center |back |front |second )?(?:left|right|L|R|l|r|centre|center|top|bottom|above|below|inset|pictured)(?![\w-])[^)]{0,30}\).{0,200}(?<![.!?\"'”’])$", 40, anywhere=("left", "right", "(l", "(r", "centre", "center", "top", "bottom", "above", "below", "inset", "pictured")),
    Pattern("caption", "Pictured: the mayor of Vik in her office", r"\W{0,2}(?:Pictured|PICTURED|Above|Left|Right|Inset|Below)\s?(?:[:|]|\((?:above|left|right)\)|(?:left|right|above),)", 40),
    Pattern("caption", "Hide Caption 3 of 29", r"\b(?:[Hh]ide|[Ss]how|[Ee]xpand|[Tt]oggle) [Cc]aption\b", 60, anywhere=("caption",)),
    Pattern("caption", "Media playback is not supported", r"(?i:media playback is|this video can ?not be played|please (?:turn on|enable) javascript|media caption|image (?:copyright|caption|source))", 12),
    Pattern("caption", "Map of the harbour courtesy of the University of Vik.", r"^[A-Z][\w ]{3,60} courtesy of (?:the )?[A-Z]", 18, anywhere=("courtesy of",)),
    Pattern("caption", "Please enable JavaScript to see the chart.", r"\benable [Jj]ava[Ss]cript\b", 30, anywhere=("javascript",)),
    Pattern("caption", "Proud: The mayor opens the bridge .", rf"^(?!(?:And|But)\b|[\"'‘“].*\b(?:said|says|told)\b|.*\b{UNFINISHED}\s\.$)[A-Z0-9\"'‘“][^.]*[^\s.:;,]\s\.$", 60, anywhere=(" .",)),
    Pattern("caption", "In this image from video, the mayor opens the bridge.", r"In this (?:\w+\.? \d{1,2}, \d{4},? )?(?:undated |file |video |still |handout |combination |screen |aerial |courtroom )*(?:image|photo|photograph|picture|frame ?grab|sketch|frame|illustration)\b", 60),
    Pattern("caption", "The mayor speaks to reporters in Vik, May 8, 2024.", r"^(?:[A-Z][\w.’'-]* )(?:\S+ ){0,9}(?:speaks?|waves?|arrives?|talks?|poses?|delivers?|makes|looks|walks?|attends?|holds?|gestures?|leaves|listens?|reacts?|stands?|greets?|shakes|smiles?|sits?) .{0,200}\b(?:January|February|March|April|May|June|July|August|September|October|November|December|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.) \d{1,2}, \d{4}(?:,? (?:in|at) [^.]{1,80})?\W*$", 60, anywhere=(", 20", ", 19")),
    Pattern("caption", "Ann Lee, Bo Park and Cy Roe (L-R) on the bridge.", r"\((?:L-R|L to R|l-r|[Ll]eft to right|[Ff]rom left|[Cc]lockwise)[^)]{0,40}\)", 45, anywhere=("(l", "(from", "(clockwise")),
    Pattern("caption", "CLOSE The mayor of Vik opened the bridge on Monday.", r"CLOSE [A-Z]", 60),
    Pattern("caption", "Photos: Storm in Vik Photos: Storm in Vik The storm seen from the hill", r"(Photos: .{5,80}?) \1", 200),
    # links, page controls
    Pattern("link", "READ MORE: Storm nears the coast", r"(?:ALSO |Also |MUST )?(?:READ|Read|SEE|See|WATCH|Watch|LISTEN)(?: (?:MORE|more|ALSO|also|NEXT|next|THIS|this|LIVE|FULL|full))\s*[:|]? ?\S", 20),
    Pattern("link", "Also read | Port strike enters its third week", r"(?:A(?:lso|LSO) (?:r(?:ead|EAD)|READ|Read|SEE|see|WATCH|watch))\b", 25),
    Pattern("link", "Related: Port strike enters its third week", r"(?:Related|RELATED)(?: \w+)?\s*[:»|]|(?:More|MORE) (?:on (?:this|THIS)\b|(?:stories|STORIES|coverage)\b)", 25),
    Pattern("link", "Watch the interview in full.", r"(?:Watch|See|Read|View|Hear|Listen to|Download|Follow) (?:the|our|a|more|all|his|her|this|their) (?:full |live |BBC |accompanying |latest |best |entire |complete |original |open )*(?:video|interview|report|story|article|photos?|gallery|updates|coverage|clip|episode|reader|statement|list|letter|documents?|podcast)\b", 14),
    Pattern("link", "For more on this story, watch the accompanying video.", r"For (?:more|the full|further|full)\b.{0,60}\b(?:visit|see|watch|click|go to|read|try|call|contact|follow|check)\b", 25),
    Pattern("link", "Click here to see the pictures.", r"(?:CLICK|Click|Tap|TAP) (?:HERE|here)\b|(?:Click|Tap) on (?:this|the (?:link|image|picture|photo|button|icon|arrow)s?) (?:to|above|below|for)\b", 25),
    Pattern("link", "You can give by clicking here.", r"\bby clicking here\b", 30, anywhere=("clicking here",)),
    Pattern("link", "More on the strike »", r"[»›→]\s*$", 20, anywhere=("»", "›", "→")),
    Pattern("link", "Scroll down for video", r"\W{0,2}(?:VIDEO )?S(?:croll|CROLL) (?:[Dd]own|DOWN)\b", 16),
    Pattern("link", "JUST WATCHED", r"(?:ADVERTISEMENT|Advertisement|Story [Cc]ontinues [Bb]elow|Continue [Rr]eading|JUST WATCHED|MUST WATCH|Replay More|More Videos|Loading\.{3}|Article continues|Skip (?:to|past)|E-?mail to a friend|Jump to|Back to top|Share this|Sorry we are (?:not|unable|no longer)|Most computers will open|Download the reader|This video (?:has been|is no longer)|Most [Rr]ead\b|Recommended\b.{0,20}$|Find out more\b|Learn more\b|More On This)", 25),
    Pattern("link", "There is more about the illness at the national health institute.", r"(?:There['’]s more (?:on|about)|There is more (?:on|about)|The .{3,90}? has more (?:about|on|information)|You can find (?:further|more) information|Here['’]s more about)\b", 30),
    Pattern("link", "(Read the mayor's post of June.)", r"\((?:Read|See|Check out|Watch|Listen to|Scroll|Click)\b[^)]*\)\W*$", 25),
    Pattern("link", "Read my interview with the mayor.", r"Read (?:my|his|her|our|[A-Z][\w-]+(?: [A-Z][\w-]+)?['’]s) (?:\w+ ){0,3}(?:Q&(?:amp;)?A|post|column|story|letter|interview|piece|report|blog|profile)\b", 25),
    Pattern("link", "More from Harbour Press", r"More from [A-Z]", 8),
    Pattern("link", "VIDEO The mayor opens the bridge", r"VIDEOS? [A-Z]", 12),
    Pattern("link", "Opinion: Can the mayor of Vik be stopped?", r"(?:[Oo]pinion|OPINION|Analysis|ANALYSIS|Explainer|EXPLAINER|Gallery|GALLERY|Interactive|INTERACTIVE|Quiz|QUIZ|In pictures|iReport(?:\.com)?|[A-Za-z]+\.com): [A-Z0-9'‘\"“]", 14),
    Pattern("link", "Watch the video above to see why.", r"Watch (?:the|our) (?:\w+ )?video\b", 60),
    Pattern("link", "To give to the harbour museum, click here.", r"\b(?:click|tap) (?:here|on this link)\W*$|^(?:See|Watch) video\W*$", 30, anywhere=("click here", "tap here", "on this link", "see video", "watch video")),
    # promotions, forms
    Pattern("promotion", "Follow us on Facebook", r"(?:Why not )?(?:You can )?(?:also )?(?:[Ff]ollow|Like|[Ff]ind|Join) (?:us|me|him|her|them|the programmes?|@ ?@?\w+|BBC[\w :]*|[A-Z]\w+(?: [A-Z]\w+)?)\b[^.]{0,60}\b(?:on|via) (?:Twitter|Facebook|Instagram|LinkedIn|YouTube|TikTok|WhatsApp|X\b|social media)", 30),
    Pattern("promotion", "Follow @harbourpress", r"(?:F(?:ollow|OLLOW)|Tweet|TWEET) (?:us |me )?(?:at )?@ ?\w+", 20),
    Pattern("promotion", "You can also send story ideas to news@harbour.example", r"(?:(?:You can )?(?:also )?[Ss]end (?:us )?(?:your |any )?(?:a )?(?:story|news|question|questions|ideas|tips|comments|pictures|letters|photos)\b|If you have a story\b|Got a story\b|Do you know more\b|Do you have an? (?:story|question)|Have (?:your say|you been affected)|Are you affected|What questions do you have|If you would like to submit|Please (?:email|include|ensure)\b|Your contact details|In some cases your question|If you are reading this page|[Cc]an['’]t see the form)", 45),
    Pattern("promotion", "Contact the newsroom at news@harbour.example", r"(?:E-?mail|Contact|Write to|Call|Text|Tweet) (?:us|the|our|him|her|me)\b.{0,60}(?:@|\d{3})|(?:[Hh]e|[Ss]he|[Tt]he (?:writer|author|reporter)s?) can be (?:reached|contacted|followed|emailed)\b|^(?:\w+ )?\S+ ?@ ?\S+\.\w+$", 25),
    Pattern("promotion", "If you see a mistake, write to errors@harbour.example", r"\b(?:[Ww]rite to|[Ee]?-?[Mm]ail|[Cc]ontact|[Vv]isit):? (?:us at )?(?:\S+@\S+|(?:www\.|https?:)\S+)\W*$", 20, anywhere=("@", "www", "http")),
    Pattern("promotion", "Download our app to get alerts on your phone.", r"(?:Download|Get|Try|Install) (?:the|our)\b.{0,40}\bapp\b", 35),
    Pattern("promotion", "To get our alerts, tap here to sign up.", r"\btap here to\b|\bby signing up here\b", 40, anywhere=("tap here", "signing up here")),
    Pattern("promotion", "Ann Lee Vik • Have an opinion on anything you read here?", r"\b[Hh]ave an opinion on\b|^Please email us\b", 45, anywhere=("an opinion on", "email us")),
    Pattern("promotion", "If you enjoyed this article, join the readers' club.", r"If you (?:enjoyed|liked|found) this (?:article|story|post|piece)\b|Join the (?:debate|conversation|discussion)\b", 30),
    Pattern("promotion", "If you have any tips, email the newsroom.", r"If you have (?:any )?(?:tips?|comments?|questions?|suggestions?)\b", 30),
    Pattern("promotion", "And that's all from me for today.", r"\b[Tt]hat['’]s (?:all|it) (?:from|for)\b.{0,30}\b(?:me|us|today|tonight|now|this week)\b", 30, anywhere=("s all f", "s it f")),
    Pattern("promotion", "Hello, and welcome to the harbour letter.", r"(?:Hello|Hi|Good (?:morning|afternoon|evening)),? (?:and )?welcome to\b|I['’]m your host\b|Thank(?:s| you) for (?:reading|following|joining us|subscribing|signing up)\b", 20),
    Pattern("promotion", "The Harbour Hour is on BBC Radio 4 on Friday at 19:00.", r"^[A-Z].{3,80} (?:is|are|airs|can be (?:seen|heard)) on (?:BBC|ITV|Channel \d|Radio \d|Sky|CNN|NBC|PBS|NPR|iPlayer)\b.{0,60}\d", 30, anywhere=(" is on ", " are on ", " airs on ", " seen on ", " heard on ")),
    # subscriptions
    Pattern("subscription", "Sign up for our morning newsletter", r"(?i:(?:please )?(?:sign up|subscribe|register)\b.{0,100}(?:newsletter|e-?mails?\b|inbox|alerts?\b|podcast|youtube channel|briefing)|(?:please )?(?:sign up|subscribe|register) (?:now|today|here)\b)", 30),
    Pattern("subscription", "You have 2 free articles left this month.", r"(?i:you(?:['’]ve| have) (?:\w+ ){0,4}free (?:articles?|stories)|you(?:['’]ve| have) (?:read|reached|used)\b.{0,40}\b(?:free|limit|articles?)\b|this (?:article|content|story) is (?:for|only|exclusive|reserved)|already (?:a )?(?:subscriber|member|registered))", 30),
    Pattern("subscription", "Get unlimited access from 1 crown a week.", r"(?i:(?:get|enjoy|for|unlock) (?:unlimited|full|digital|premium) access|cancel (?:at any time|any ?time)\b|(?:support|become|join)\b.{0,40}\b(?:a member|a subscriber|our journalism)\b|start your (?:free )?(?:trial|subscription)|to (?:continue|keep) reading\b|log in (?:to|or) )", 35),
    Pattern("subscription", "By signing up you agree to our privacy policy.", r"(?i:\bunsubscribe (?:at|from)\b|protected by recaptcha|delivered (?:\w+ ){0,3}to your inbox|(?:in|meet) your inbox|not a robot|\bprivacy policy\b.{0,40}$|\b(?:agree|accept|read)\b.{0,40}\bterms (?:of (?:use|service)|(?:and|&) conditions)\b|\bterms (?:and|&) conditions apply\b|\b(?:uses?|accept|allow) cookies\b)", 40, anywhere=("unsubscribe", "recaptcha", "inbox", "robot", "policy", "terms", "cookies")),
    Pattern("subscription", "Invalid email address.", r"(?i:invalid e-?mail|please re-?enter|you must select|you may opt[- ]out|you agree to receive|an error has occurred|please try again(?: later)?\W*$|view all .{0,40}newsletters|get breaking news|learn more\W*$|you will receive\b.{0,40}\be-?mail|check your inbox)", 25),
    Pattern("subscription", "The stories that matter, delivered every weekday morning.", r"(?i:\bdelivered (?:to you |straight )?(?:every |each )?(?:weekday|daily|morning|day|week)\w*)", 20, anywhere=("delivered",)),
    # helplines
    Pattern("helpline", "If you need help, call the helpline on 555 0100.", r"(?i:(?:if you|for confidential|in the (?:uk|us)|in (?:australia|ireland|canada)|other international|(?:the )?samaritans|call|text|to (?:talk|speak))\b.{0,160}\b(?:(?:helplines?|hotline|lifeline|support line) (?:is|on|at|can)\b|samaritans\b.{0,60}\d{3}|(?:crisis|suicide prevention|support) (?:service|helpline|hotline|lifeline|line)\b))", 50),
    Pattern("helpline", "For support, call 116 123 free.", r"(?i:for (?:confidential )?(?:help|support|advice|information)\b.{0,60}\bcall\b.{0,60}\d{3})", 40),
    # notices
    Pattern("notice", "Copyright 2024 Harbour Press", r"(?i:\bcopyright\s*(?:©|\(c\))?\s*\d{4})|©\s*(?:\w+ ){0,4}\d{4}|\b(?i:all rights reserved)\b", 40, anywhere=("copyright", "©", "rights reserved")),
    Pattern("notice", "This material may not be published or redistributed.", r"(?i:this (?:material|content) may not be)", 45),
    Pattern("notice", "The views expressed here are her own.", r"(?i:\b(?:opinions?|views)(?: and [a-z ]{3,30})? expressed (?:in this|here|on this|by (?:columnists|the authors?|the writers?|[a-z ]{0,20}experts)))", 45, anywhere=("expressed",)),
    Pattern("notice", "This article was amended on 8 May to correct a name.", r"(?i:(?:•\s*)?(?:this|the (?:first|second|last|headline)\b.{0,20})\s?(?:article|story|report|piece|post|letter|version)?\b.{0,40}\b(?:was|has been|were) (?:amended|corrected|updated|edited|first published|originally published|republished)\b)", 45),
    Pattern("notice", "Editor's note: Ann Lee is a writer in Vik.", r"(?i:\W{0,2}(?:editor['’]s note|correction|clarification|disclaimer|disclosure)s?\s?[:—–-])", 60),
    Pattern("notice", "The BBC is not responsible for the content of external sites.", r"\bnot responsible for the content\b|Information about BBC links", 25, anywhere=("responsible for", "bbc links")),
    Pattern("notice", "Reference: Lee A. et al. (2016).", r"^References?: [A-Z]|\b(?:DOI|doi):? ?10\.\d|\bet al\. \(\d{4}\)\W*$", 40, anywhere=("reference", "doi", "et al.")),
    Pattern("notice", "*two teams were relegated", r"\*+[a-z]", 20),
    Pattern("notice", "Readers are advised to consult experts before they invest.", r"(?i:\badvise[sd]? (?:users|readers|investors|\w+)? ?to (?:check|consult)\b.{0,60}\bbefore\b)", 30, anywhere=("advise",)),
    # dates and times by themselves
    Pattern("date", "Published: 8 May 2024, 10:15 BST", r"(?i:\W{0,2}(?:published|updated|posted|last (?:updated|modified)|first published|created)\b\s?(?:at|on|:|\||-)?\s?.{0,40}(?:\d{4}|\d{1,2}[:.]\d\d|ago)\b.{0,60}$|(?:published|updated)\W*$)", 18),
    Pattern("date", "May 8, 2024 10:15 am | Updated 11:20 am IST - New Delhi", r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2},? \d{4}|\d{1,2}(?:st|nd|rd|th)? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,? \d{4}|\d{4}-\d\d-\d\d)(?:\W+(?:at )?\d{1,2}[:.]\d\d.{0,60})?\W*$", 16),
    Pattern("date", "10:15 BST, 8 May 2024.", r"\d{1,2}[:.]\d\d(?:\s?[AaPp]\.?[Mm]\.?)?(?: [A-Z]{2,4})?(?:,? \d{1,2} [A-Z][a-z]+ \d{4}|\s*$)", 9),
    # posts of social networks
    Pattern("embed", "— Ann Lee (@annlee) May 8, 2024", r"\(@\w{2,20}\)", 70, anywhere=("(@",)),
    Pattern("embed", "pic.twitter.com/abc", r"\b(?:pic\.twitter\.com|t\.co|instagram\.com/p)/\w+", 70, anywhere=("twitter.com", "t.co/", "instagram.com")),
    Pattern("embed", ".@harbourpress The bridge opens today.", r"\W{0,3}@[A-Za-z_]\w{2,}\b(?! (?:\w+ed|wrote|said|says|tweets|posts|and|of)\b)", 60),
    Pattern("embed", "THREAD: What the mayor did this year.", r"THREAD\b", 50),
    Pattern("embed", "See how @annlee answered #VikBridge", r"^(?!\W*[\"“'‘])(?=.*@[A-Za-z_]\w{2,}).*#[A-Za-z]\w{2,}", 70, anywhere=("#",)),
    # tables, scripts
    Pattern("table", "1. Ann Lee (Nor) Vik - 41 minutes 57.678 seconds", r"\d{1,3}[.)]? [A-Z][\w.'’-]+ [A-Z][\w.'’ -]*(?:\([A-Z][\w /-]+\))?.{0,30}(?:[-–:+] ?\d|\d (?:hrs?|mins?)\b)", 14),
    Pattern("table", "April 187,035 May 157,090 June 161,497 July 165,105 August 159,069 total", r"(?=.{0,20}\d)(?:[^\d\s]{1,14}\s+){0,2}(?:[(£$€+-]?\d[\d,.:%]*\)?\s+(?:[^\d\s]{1,14}\s+){0,2}){5}", 80),
    Pattern("table", "var player = new Player();", r"(?:var|let|const|function)\s+\w+\s*[=(]|\$\(|\{\{", 60),
    Pattern("table", "Table 1 | Fares by class and year", r"(?:Table|Chart|Figure|Graph|Map) \d{1,2}\s?[|:.]", 80),
    Pattern("table", "Yellow cards: Lee, Park.", r"(?:Tries|Try|Conversions?|Penalties|Goals?|Scorers?|Subs|Substitutes|Replacements|Bookings|Booked|(?:Yellow|Red) cards?|Sent off|Half[- ][Tt]ime|Umpires?|Ref(?:eree)?|REF(?:EREE)?|Att(?:endance)?|ATT(?:ENDANCE)?)(?: \(\w+\))?: \S|(?:Cons?|Pens?): [A-Z]\w+(?: \(\d|,|\.$)", 40),
    Pattern("table", "* * *", r"\W+$", 60),
)  # fmt: skip

CAPTION_FORMS = (
    re.compile(rf"(?!\W*(?:{PICTURE}|Credit|Source|Media|File)|[^:]*\d)\W?(?P<head>[A-Z][\w'’.-]*(?: [\w'’-]+){{0,4}}): [A-Z0-9]"),
    re.compile(r"(?P<head>.*)\((?:far |top |bottom |centre |center |second )?(?:left|right|L|R|centre|center|above)(?![\w-])[^)]{0,30}\)"),
)  # fmt: skip
"""Forms that captions share with prose: `Proud: The mayor opens the bridge`, `Ann Lee (left) opens the bridge`."""


Compiled = tuple[Pattern, re.Pattern[str]]


@cache
def _compiled() -> tuple[re.Pattern[str], list[Compiled], list[Compiled]]:
    """The patterns matched at the start, all in one expression and each by itself, and those looked for anywhere."""
    opening = [(pattern, re.compile(pattern.expression)) for pattern in PATTERNS if not pattern.anywhere]
    anywhere = [(pattern, re.compile(pattern.expression)) for pattern in PATTERNS if pattern.anywhere]
    return re.compile("|".join(f"(?:{pattern.expression})" for pattern, _ in opening)), opening, anywhere


class Recogniser:
    """Recognises furniture among the sentences of one text.

    Args:
        text: what the sentences are from: a pattern whose marks stand nowhere in it is not looked for.
    """

    def __init__(self, text: str) -> None:
        self._any_opening, self._opening, anywhere = _compiled()
        lowered = text.lower()
        self._anywhere = [
            (pattern, expression)
            for pattern, expression in anywhere
            if any(mark in lowered for mark in pattern.anywhere)
        ]

    def __call__(self, sentence: str) -> Pattern | None:
        """The first pattern that recognises the sentence; None for prose."""
        if self._any_opening.match(sentence):
            for pattern, expression in self._opening:
                if expression.match(sentence) and len(sentence.split()) <= pattern.most_words:
                    return pattern
        lowered = sentence.lower() if self._anywhere else ""
        for pattern, expression in self._anywhere:
            for mark in pattern.anywhere:
                if mark in lowered and expression.search(sentence) and len(sentence.split()) <= pattern.most_words:
                    return pattern
        return None


def furniture(sentence: str) -> Pattern | None:
    """The first pattern that recognises the sentence; None for prose."""
    return Recogniser(sentence)(sentence)
