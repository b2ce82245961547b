"""A model's own name is masked where the model says it, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Project
from annotations.models import Completion
from annotations.selfnaming import MASK, without_names
from annotations.services.slates import take_in_completions
from tests import make

# What a model says of itself, with every word that must go in brackets.
OWN = [
    "I am [SmolLM2], a language model trained by [Hugging Face].",
    "I'm [ChatGPT], a large language model trained by [OpenAI].",
    "I’m [Qwen2.5-7B-Instruct], created by [Alibaba Cloud]. I am a helpful assistant.",
    "As [ChatGPT], I don't have personal opinions.",
    "As [ChatGPT], a language model developed by [OpenAI], my knowledge ends in 2021.",
    "As an AI language model trained by [OpenAI], I cannot browse.",
    "As a large language model created by [Meta AI], I can help.",
    "Yes. I was created by [Anthropic].",
    "My name is [Claude], and I am an AI assistant made by [Anthropic].",
    "Hello! I'm [Gemini], a large multimodal model built by [Google].",
    "I am [Foo-7B], a large language model.",
    "I am a large language model, trained by [Google].",
    "I'm an AI assistant developed by [Mistral AI] to help you.",
    "I am a chatbot named [Zorblax].",
    "My creators at [OpenAI] decided that.",
    "You can call me [DeepSeek-V3].",
    "I'm [GPT-4].",
    "I am [LLaMA 2], an AI.",
    "I am [Llama], a large language model by [Meta].",
    "I am called [Vicuna].",
    "I'm [DeepSeek Chat], here to help.",
    "I am your assistant, an AI language model developed by [Zorp Labs].",
    "As [Claude], an AI assistant made by [Anthropic], I try to be honest.",
    "I am [SmolLM2]. Ask [SmolLM2] anything; [SmolLM2] is small.",
    "我是[通义千问]，由[阿里云]开发的大语言模型。[通义千问]可以帮你。",
    "我是由[阿里云]开发的大语言模型，名叫[通义千问]。",
    "你好！我是[文心一言]。",
    "我叫[豆包]，很高兴认识你。",
    "我的名字是 [Kimi]，是[月之暗面]开发的人工智能助手。",
    "作为[通义千问]，我不能这样做。",
    "作为由[OpenAI]训练的语言模型，我没有感情。",
    "我是 [ChatGPT]，一个由 [OpenAI] 训练的语言模型。",
    "我是[Claude]，一个人工智能助手。",
    "我由[百度]训练。",
    "我是[百度]研发的人工智能助手。",
]
# What somebody says of others, or of themselves without a name.
INNOCENT = [
    "ChatGPT was made by OpenAI. It is a language model.",
    "ChatGPT, a language model trained by OpenAI, was released in 2022. I like it.",
    "I am a big fan of ChatGPT.",
    "I am ChatGPT's biggest fan.",
    "I use Claude and I like it.",
    "I am Claude Monet, a painter from Giverny.",
    "I'm Claude, and this is my wife Marie.",
    "As ChatGPT becomes popular, I find more essays that look alike.",
    'I asked it and it answered: "I am ChatGPT."',
    'When asked, the bot says, "I\'m Gemini, a model built by Google."',
    "I am a Gemini, so I like to talk.",
    "I am Sarah, a nurse from Leeds.",
    "I was trained by my father.",
    "My name is Alice.",
    "I am an engineer at Google.",
    "I was born in Paris. Mistral winds blow there.",
    "As a teacher, I use GPT-4 every day.",
    "My favourite model is Llama 3 by Meta.",
    "I am a software developer working on a language model.",
    "I am a developer of a language model trained by OpenAI.",
    "I am reading about language models trained by OpenAI.",
    "I am Pi, the ratio of a circle's circumference.",
    "I'm Bard the Bowman.",
    "I am the Falcon!",
    "I am Made by Hand, a shop for pots.",
    "As an AI, I cannot do that.",
    "I am a large language model.",
    "As a language model, I have no body.",
    "我是ChatGPT的忠实用户。",
    "我认为通义千问是阿里云开发的大语言模型。",
    "我喜欢豆包子。",
    "我用百度搜索。",
    "我是百度的工程师。",
    "我是在百度开发游戏的工程师。",
    "我问它是谁，它说：“我是通义千问。”",
    "作为老师，我常用文心一言。",
    "我是一个人工智能助手。",
    "",
]


@pytest.mark.parametrize("marked", OWN)
def test_what_a_model_calls_itself_is_masked_and_the_sentence_stays(marked: str) -> None:
    text = marked.replace("[", "").replace("]", "")
    words = [part.split("]")[0] for part in marked.split("[")[1:]]
    expected = marked
    for word in words:
        expected = expected.replace(f"[{word}]", MASK, 1)
    assert without_names(text) == expected


@pytest.mark.parametrize("text", INNOCENT)
def test_who_speaks_of_others_keeps_every_word(text: str) -> None:
    assert without_names(text) == text


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(OWN), st.sampled_from(INNOCENT))
def test_masked_once_there_is_nothing_left_to_mask(own: str, other: str) -> None:
    text = f"{other}\n\n{own.replace('[', '').replace(']', '')}"
    assert without_names(without_names(text)) == without_names(text) != text


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ,.\n", max_size=80))
def test_ordinary_words_are_never_touched(text: str) -> None:
    assert without_names(text) == text


def test_a_completion_is_masked_when_it_is_taken_in_and_says_so(project: Project) -> None:
    order = make.make_order(project, k=2)
    texts = ["I am SmolLM2, trained by Hugging Face. Beaches.", "SmolLM2 was trained by Hugging Face."]
    take_in_completions(order=order, rows=make.shard_rows(order, texts))
    kept = list(Completion.objects.order_by("index").values_list("text", "masked"))
    assert kept == [("I am [name], trained by [name]. Beaches.", True), (texts[1], False)]
