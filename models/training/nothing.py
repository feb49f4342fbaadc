"""Texts that have no topic: about nothing in particular, or in a language that the model does not read. Written for
this; they teach the tagger to abstain."""

from collections.abc import Iterator, Sequence
from random import Random

COMBINATIONS = 260
"""Texts put together from each of the two lists."""

ENGLISH = (
    "Visit www.example.com!", "Contact us.", "Click here to read more.", "Home About Contact Sitemap",
    "All rights reserved.", "Sign in to your account.", "Follow us on social media.", "Page not found.",
    "Please enable JavaScript to continue.", "Terms of use and privacy notice.",
    "This page was last updated on Monday.", "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "Thank you for your message, we will reply as soon as we can.", "Your session has expired.",
    "Loading, please wait.", "Share this on your favourite network.", "Next page", "Previous page", "Back to top",
    "We use cookies to make this site work.", "Accept all cookies or manage your choices.",
    "Enter your name and address below.", "Fields marked with a star are required.",
    "The file you asked for could not be opened.", "Download the document as PDF.", "Print this page.",
    "Subscribe to our newsletter.", "Unsubscribe at any time.", "Call us on 0800 000 000 between nine and five.",
    "Our opening hours are Monday to Friday.", "This is a test.", "Test message number one.", "Hello world.",
    "Sample text for layout purposes only.", "The quick brown fox jumps over the lazy dog.", "Insert your text here.",
    "Heading one", "Figure 1", "Table 2 shows the values.", "See above.", "See the next section for details.",
    "As mentioned before, this is explained below.", "I will be there at five.",
    "He said that he would think about it.", "She looked at him and said nothing.", "It was what it was.",
    "That is all for now.", "We hope you like it.", "Good morning, everyone!", "Many thanks and best wishes.",
    "Please see the attached file.", "Order number 12345 has been received.", "Your basket is empty.",
    "Add to basket.", "Username or password incorrect.", "Search results for your query.", "No results found.",
    "Show more", "Show less", "Read the full text.", "Posted by admin.", "Comments are closed.", "Leave a reply.",
    "Copyright 2024 by the author.", "Version 2.0.1", "Tags: none", "Untitled document", "To be continued.",
    "Watch the video above.", "Advertisement", "Image credit: supplied", "More on this story", "Related links",
    "Send us your story ideas.", "Choose a language: English, German, French.", "abc def ghi jkl mno",
    "one two three four five six seven", "A B C D E F G", "It is this one, not that one.",
    "They were all there, and then they were not.", "Something happened somewhere at some time.",
    "There are many things and there are few things.", "Yes. No. Maybe.",
    "The first one is the first, and the second one is the second.",
)  # fmt: skip

FOREIGN = (
    "Der Bundestag hat am Donnerstag ein neues Gesetz beschlossen.",
    "Die Polizei sucht nach einem Mann, der gestern eine Bank überfallen hat.",
    "Der Verein gewann das Spiel mit drei zu eins.",
    "Die Aktien des Unternehmens fielen um fünf Prozent.",
    "Am Wochenende wird es im Süden regnen und kühl.",
    "Die Forscher haben eine neue Methode gegen den Krebs entwickelt.",
    "Das Wetter bleibt in den nächsten Tagen sonnig.",
    "Le président a annoncé hier une réforme des retraites.",
    "La police a arrêté deux hommes soupçonnés de vol.",
    "L'équipe de France a remporté le match de samedi soir.",
    "Les prix de l'énergie continuent de monter en Europe.",
    "Un incendie a détruit une école dans le nord du pays.",
    "Les chercheurs ont publié leurs résultats cette semaine.",
    "Le festival de cinéma ouvre ses portes mardi.",
    "El presidente anunció ayer un nuevo plan para la economía.",
    "La policía detuvo a tres personas en el centro de la ciudad.",
    "El equipo ganó la final por dos goles a uno.",
    "Los médicos piden más recursos para los hospitales públicos.",
    "El terremoto dejó al menos veinte heridos en la costa.",
    "La película se estrena el viernes en todos los cines.",
    "Il governo ha approvato la nuova legge di bilancio.",
    "La squadra ha vinto il campionato dopo dieci anni.",
    "I carabinieri hanno arrestato un uomo di quarant'anni.",
    "Gli scienziati hanno scoperto una nuova specie di pesce.",
    "O governo anunciou novas medidas para a educação.",
    "A seleção venceu o jogo com um gol no último minuto.",
    "As chuvas deixaram milhares de pessoas desabrigadas.",
    "De regering wil de belasting op benzine verlagen.",
    "De politie heeft een verdachte aangehouden in Rotterdam.",
    "Het elftal verloor de wedstrijd met twee tegen nul.",
    "Regeringen föreslår en ny lag om skolan.",
    "Polisen grep en man efter inbrottet i natt.",
    "Laget vann matchen med tre mål mot ett.",
    "Regjeringen la frem statsbudsjettet i dag.",
    "Politiet efterlyser vidner til ulykken på motorvejen.",
    "Hallitus esitteli uuden talousarvion eduskunnalle.",
    "Rząd przedstawił projekt nowej ustawy o zdrowiu.",
    "Policja zatrzymała mężczyznę podejrzanego o kradzież.",
    "Drużyna wygrała mecz po dogrywce.",
    "Vláda schválila nový zákon o daních.",
    "A kormány új törvényt nyújtott be a parlamentnek.",
    "Guvernul a anunțat noi măsuri economice.",
    "Hükümet yeni ekonomi paketini açıkladı.",
    "Takım maçı iki sıfır kazandı.",
    "Polisi wamemkamata mtu mmoja kwa wizi.",
    "Serikali imetangaza mpango mpya wa elimu.",
    "Timu ya taifa ilishinda mechi ya jana.",
    "Pemerintah mengumumkan kebijakan baru tentang pendidikan.",
    "Polisi menangkap dua orang tersangka pencurian.",
    "Tim nasional menang dua gol tanpa balas.",
    "Chính phủ công bố kế hoạch kinh tế mới.",
    "Đội tuyển đã thắng trận chung kết.",
    "Inihayag ng pangulo ang bagong batas.",
    "Gwamnati ta sanar da sabon shirin ilimi.",
    "Ijọba kede eto ẹkọ tuntun.",
    "Правительство объявило о новых мерах поддержки экономики.",
    "Полиция задержала подозреваемого в краже.",
    "Сборная выиграла матч со счётом два один.",
    "Уряд оголосив про новий закон.",
    "Команда виграла матч.",
    "Правителството обяви нови мерки.",
    "Η κυβέρνηση ανακοίνωσε νέα μέτρα για την οικονομία.",
    "Η ομάδα κέρδισε τον αγώνα.",
    "أعلنت الحكومة عن خطة اقتصادية جديدة.",
    "فاز الفريق بالمباراة أمس.",
    "ألقت الشرطة القبض على رجلين.",
    "دولت برنامه جدیدی اعلام کرد.",
    "הממשלה הודיעה על תוכנית חדשה.",
    "सरकार ने नई योजना की घोषणा की।",
    "टीम ने मैच जीत लिया।",
    "পুলিশ দুইজনকে গ্রেপ্তার করেছে।",
    "அரசு புதிய திட்டத்தை அறிவித்தது.",
    "政府宣布了新的经济计划。",
    "球队昨天赢得了比赛。",
    "警方逮捕了两名嫌疑人。",
    "政府は新しい経済政策を発表した。",
    "チームは試合に勝った。",
    "警察は男を逮捕した。",
    "정부는 새로운 경제 계획을 발표했다.",
    "팀이 경기에서 이겼다.",
    "รัฐบาลประกาศแผนเศรษฐกิจใหม่",
    "ทีมชนะการแข่งขันเมื่อวานนี้",
)  # fmt: skip
"""News in other languages; neighbours are in one language or one script."""


def texts(random: Random) -> Iterator[str]:
    """Every sentence by itself, then combinations."""
    yield from ENGLISH
    yield from FOREIGN
    for _ in range(COMBINATIONS):
        yield " ".join(random.sample(ENGLISH, random.randint(2, 8)))
        yield " ".join(_neighbours(FOREIGN, random))


def _neighbours(sentences: Sequence[str], random: Random) -> Sequence[str]:
    start = random.randrange(len(sentences) - 4)
    return sentences[start : start + random.randint(2, 4)]
