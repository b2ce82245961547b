"""Where a model says its own name, the name is masked: a labeler must not read who wrote what.

Only a first person counts ("I am SmolLM2", "我是通义千问"): who speaks of a model in the third person is left alone.
"""

import re
from collections.abc import Iterator

MASK = "[name]"

Span = tuple[int, int]

_MODELS = (
    r"Chat-?GPT|Instruct-?GPT|GPT-?(?:[2345]|Neo|J|NeoX|OSS)|GPT|DALL-?E|LaMDA|PaLM|Gemma|Smol(?:LM|VLM)|Tulu|Tülu|OLMo"
    r"|Mi[sx]tral|Ministral|Codestral|Qwen|QwQ|Tongyi(?: Qianwen)?|ERNIE(?: Bot)?|Wenxin(?: Yiyan)?|(?:Chat)?GLM"
    r"|DeepSeek|Kimi|Doubao|Hunyuan|Baichuan|InternLM|MiniMax|StarCoder|StableLM|BLOOMZ?|Pythia|Vicuna|RedPajama|OpenAssistant"
    r"|Open Assistant|OpenHermes|WizardLM|Nemotron|HuggingChat|Hugging ?Chat|Copilot|Bing Chat|Command R\+?|Grok|LLaMA"
    r"|文心一言|文心|通义千问|通义|千问|百川(?:大模型)?|豆包|智谱清言|讯飞星火|星火(?:认知大模型)?|混元|书生(?:·?浦语)?"
    r"|盘古|天工|商量|深度求索"
)
# Also the names of people, animals and things: they count only where the sentence says that a machine speaks.
_AMBIGUOUS = (
    r"Claude|Gemini|Bard|Llama|Falcon|Phi|Yi|Alpaca|Koala|Dolly|Zephyr|Orca|Granite|Jamba|Aya|Pi|Sydney|Nova|MOSS|Olmo"
)
_VERSION = (
    r"(?:[ -]?(?:[vV]?\d+(?:\.\d+)*[A-Za-z]?|Instruct|Chat|Turbo|Pro|Plus|Max|[Mm]ini|Nano|Flash|Ultra|Large"
    r"|Sonnet|Opus|Haiku))*"
)
_MAKERS = (
    r"OpenAI|Anthropic|(?:Google )?DeepMind|Google(?: AI| Research| LLC)?|Meta(?: AI)?|Facebook(?: AI)?|Mistral(?: AI)?"
    r"|Hugging ?Face(?:TB)?|Alibaba(?: Cloud| Group)?|Baidu|Tencent|ByteDance|Zhipu(?: ?AI)?|Moonshot(?: AI)?|DeepSeek"
    r"|Microsoft|xAI|LAION|Databricks|EleutherAI|BigScience|Stability AI|Cohere|AI21(?: Labs)?|NVIDIA|IBM|Apple|Amazon"
    r"|LMSYS|Nomic AI|Together AI|Shanghai AI Lab(?:oratory)?|Allen Institute(?: for AI)?|Ai2|AI2|Tsinghua University"
    r"|Stanford(?: University)?|Technology Innovation Institute|TII|MiniMax|iFlytek|SenseTime"
    r"|阿里(?:云|巴巴)?(?:集团)?|达摩院|通义实验室|百度|腾讯|字节跳动|智谱(?: ?AI|华章)?|月之暗面|深度求索"
    r"|科大讯飞|商汤(?:科技)?|华为"
    r"|百川智能|清华大学|上海人工智能实验室|谷歌|微软|昆仑万维|抱抱脸"
)
_CAPITALS = r"[A-Z](?:[\w.+-]*\w)?(?: (?:[A-Z](?:[\w.+-]*\w)?|\d[\w.]*\b)){0,3}"
_KIND = (
    r"(?:(?:language |AI |chat )+(?:model|assistant|chatbot|system|bot)|(?:AI|LLM|chatbot|artificial intelligence))\b"
)
# Words between "a" and "language model" that tell what kind it is; "of", "on" and the like begin something else.
_ADJECTIVES = r"(?:(?!(?:of|on|for|with|at|in|about|using|from|to|who|that)\b)[\w-]+ ){0,4}"
_MACHINE = rf"(?:an?|the|your) (?:{_ADJECTIVES}\w+, an? )?{_ADJECTIVES}{_KIND}"
_MADE = r"(?:trained|developed|created|made|built|designed|released|fine-?tuned|produced)(?: and \w+ed)?"
_BY = rf"{_MADE} (?:by|at) (?:the )?(?:(?:team|people|researchers|engineers) (?:at|from) )?"
_PLAIN = rf"(?<![\w\"“'‘-])(?P<name>(?:{_MODELS}){_VERSION})(?![\w-]|['’]s\b)"
_TELLING = rf"(?P<name>(?:{_AMBIGUOUS}){_VERSION})(?![\w-]|['’]s\b)"
# What a person quotes is not said by who writes: `It answered: "I am ChatGPT."`
_OWN = r"(?<![,:] [\"“'‘])(?<![，：:][“「\"])"
_I_AM = (
    rf"{_OWN}\b(?:(?:I am|I['’]m|I was|i am|i['’]m)"
    r"(?: actually| just| only| currently| still| called| named| known as)?"
    r"|[Mm]y name is|[Mm]y name['’]s|[Yy]ou can call me|They call me|I go by)"
)
_ZH_END = r"(?=$|[\s，。！？、；：,.!?;:（()）\"”」—…]|一[个款名种位]|是)"
_ZH_KIND = r"(?:语言模型|大模型|人工智能|AI|助手|机器人|模型)"
_ZH_MADE = r"(?:独立|自主|共同)?(?:开发|训练|研发|创建|创造|打造|推出|研制|设计|制造|发布)"

# Each is looked for in one sentence; its groups `name` and `maker` are what is masked.
PATTERNS = [
    # I am SmolLM2. My name is Qwen2.5-7B.
    rf"{_I_AM},? {_PLAIN}",
    # I am Claude, an AI assistant. I'm Gemini, made by Google.
    rf"{_I_AM},? {_TELLING}(?=,? .{{0,120}}?(?:{_KIND}|{_MADE} by))",
    # I am Foo-7B, a large language model.
    rf"{_I_AM} (?P<name>{_CAPITALS}),? (?:{_MACHINE}(?<=language model)|{_MACHINE}.{{0,40}}?{_MADE} by)",
    # I am … a language model trained by Hugging Face. I was created by OpenAI.
    rf"{_I_AM} {_MACHINE}.{{0,60}}?{_BY}(?P<maker>{_MAKERS}|{_CAPITALS})",
    rf"{_OWN}\bI (?:was|am|have been)(?: originally)? {_BY}(?P<maker>{_MAKERS})",
    # I am a language model called Foo.
    rf"{_I_AM} {_MACHINE}.{{0,20}}?(?:called|named|known as) (?P<name>{_CAPITALS})",
    # As ChatGPT, I … As Claude, an AI made by Anthropic, I …
    rf"{_OWN}\b[Aa]s {_PLAIN},(?: an?\b.{{0,120}}?,)? (?:I|my|we|our)\b",
    rf"{_OWN}\b[Aa]s {_TELLING}, {_MACHINE}.{{0,60}}?, (?:I|my|we|our)\b",
    # As an AI language model trained by OpenAI, I … As an AI called Foo, I …
    rf"{_OWN}\b[Aa]s {_MACHINE}.{{0,40}}?{_BY}(?P<maker>{_MAKERS}|{_CAPITALS}),? (?:I|my|we|our)\b",
    rf"{_OWN}\b[Aa]s {_MACHINE},?(?: called| named)? {_PLAIN},? (?:I|my|we|our)\b",
    # My creators at OpenAI. My developer, Anthropic. Here at OpenAI, we …
    rf"{_OWN}\b[Mm]y (?:creator|developer|maker|trainer)s?(?:,| at| from| is| are)? (?P<maker>{_MAKERS})",
    rf"{_OWN}\b[Hh]ere at (?P<maker>{_MAKERS}), we\b",
    # 我是通义千问。我叫 Kimi。我的名字是豆包。
    rf"{_OWN}我(?:的名字)?(?:就是|是|叫做?|名叫|为)\s?[“「]?(?P<name>(?:{_MODELS}){_VERSION}"
    rf"|(?:{_AMBIGUOUS}){_VERSION}(?=.{{0,20}}{_ZH_KIND}))[”」]?{_ZH_END}",
    # 我是由阿里云开发的大语言模型，名叫 Foo。我由 OpenAI 训练。
    rf"{_OWN}我(?:由|被)\s?(?P<maker>{_MAKERS})[^，]{{0,12}}?{_ZH_MADE}",
    rf"{_OWN}我是[^，]{{0,20}}?(?<!在)(?P<maker>{_MAKERS})[^，]{{0,12}}?{_ZH_MADE}的",
    rf"{_OWN}我是.{{0,40}}?{_ZH_KIND}[，,]?\s?我?(?:名叫|叫做?|名为|名字是)\s?[“「]?(?P<name>{_MODELS}|{_CAPITALS})",
    # 作为通义千问，我… 作为由 OpenAI 训练的语言模型，我…
    rf"{_OWN}作为\s?(?P<name>(?:{_MODELS}){_VERSION})，(?:[^，]{{0,30}}，)?我",
    rf"{_OWN}作为[^，]{{0,12}}?(?P<maker>{_MAKERS})[^，]{{0,8}}?{_ZH_MADE}[^，]{{0,20}}{_ZH_KIND}[^，]{{0,12}}，我",
]
_PATTERNS = [re.compile(pattern) for pattern in PATTERNS]
# Who tells of itself tells its maker in the same breath.
_MAKER = re.compile(
    rf"{_BY}(?P<en>{_MAKERS}|{_CAPITALS})|\b(?:by|from) (?P<plain>{_MAKERS})\b"
    rf"|(?<!在)(?P<zh>{_MAKERS})[^，]{{0,12}}?{_ZH_MADE}"
)
# A full stop ends a sentence only before a space: "GPT-3.5" is one word.
_SENTENCE = re.compile(r"(?:[^.!?。！？\n]|[.!?](?!\s|$))+")
# No pattern fits a sentence in which neither or only one of these is; almost all are done with two looks.
_SPEAKER = re.compile(r"I\b|i['’ ]a?m\b|[Mm]y |[Hh]ere at|call me|我")
_TELLS = re.compile(
    rf"{_MODELS}|{_AMBIGUOUS}|{_MAKERS}|language model|LLM|AI|chatbot|artificial intelligence|模型|助手"
)


def without_names(text: str) -> str:
    """The text with the writer's own name masked wherever it stands, and its maker's where it tells of itself."""
    if not (_TELLS.search(text) and _SPEAKER.search(text)):
        return text
    masked, past = [], 0
    for start, end in sorted(set(_own(text))):
        if start >= past:
            masked.append(text[past:start] + MASK)
            past = end
    return "".join(masked) + text[past:]


def _own(text: str) -> Iterator[Span]:
    names: set[str] = set()
    for sentence in _SENTENCE.finditer(text):
        said = sentence[0]
        for start, end, group in _told(said) if _SPEAKER.search(said) and _TELLS.search(said) else ():
            yield sentence.start() + start, sentence.start() + end
            names |= {said[start:end]} if group == "name" else set()
    # Who has said their name tells it again with every mention.
    for name in names:
        yield from (again.span() for again in re.finditer(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text))


def _told(sentence: str) -> list[tuple[int, int, str]]:
    """Start, end and kind of each name that the speaker of this sentence gives to itself."""
    told = [(*found.span(group), group) for found in _matches(sentence) for group in found.groupdict()]
    makers = _MAKER.finditer(sentence) if told else ()
    return told + [(*found.span(group), "maker") for found in makers for group in ("en", "plain", "zh") if found[group]]


def _matches(sentence: str) -> Iterator[re.Match[str]]:
    for pattern in _PATTERNS:
        yield from pattern.finditer(sentence)
