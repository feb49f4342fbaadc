"""Tiny checkpoints of the real architectures, with random weights and real tokenizers, as the hub holds them."""

import json
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    GemmaConfig,
    GemmaForCausalLM,
    LEDConfig,
    LEDForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    LongT5Config,
    LongT5ForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PegasusConfig,
    PegasusForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from tests import articles

INSTRUCT = ("llama", "qwen2", "gemma")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SEQ2SEQ = ("bart", "pegasus", "t5", "mt5", "led", "longt5")
CLASSIFIERS = ("single-label", "multi-label", "nli")
VOCABULARY = 400


def byte_level_tokenizer(*, limit: int, opens: bool) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer. `opens`: whether a sequence opens with <s> as BART's does, or only ends."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator([articles.HARBOUR, articles.FOOTBALL, articles.BUDGET], trainer)
    single = "<s> $A </s>" if opens else "$A </s>"
    pair = "<s> $A </s> </s> $B </s>" if opens else "$A </s> $B </s>"
    tokenizer.post_processor = processors.TemplateProcessing(single, pair, [("<s>", 0), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=limit, bos_token="<s>", pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>", mask_token="<mask>", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def make_seq2seq(kind: str, folder: Path, *, seed: int = 3) -> Path:
    """A checkpoint of that architecture in `folder`."""
    torch.manual_seed(seed)
    small = {
        "vocab_size": VOCABULARY, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
    }  # fmt: skip
    t5 = {
        "vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4,
        "decoder_start_token_id": 1, "pad_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    tokens = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    limit = 96
    if kind == "bart":
        model = BartForConditionalGeneration(BartConfig(**small, **tokens, max_position_embeddings=limit, init_std=0.6))
    elif kind == "pegasus":
        pegasus = tokens | {"decoder_start_token_id": 1}
        model = PegasusForConditionalGeneration(
            PegasusConfig(**small, **pegasus, max_position_embeddings=limit, init_std=0.6, scale_embedding=True)
        )
    elif kind == "t5":
        model = T5ForConditionalGeneration(T5Config(**t5, initializer_factor=3.0))
    elif kind == "mt5":
        model = MT5ForConditionalGeneration(MT5Config(**t5, initializer_factor=3.0))
    elif kind == "led":
        limit = 128
        model = LEDForConditionalGeneration(
            LEDConfig(
                **small,
                **tokens,
                max_encoder_position_embeddings=limit,
                max_decoder_position_embeddings=96,
                attention_window=16,
                init_std=0.6,
            )
        )
    else:
        model = LongT5ForConditionalGeneration(
            LongT5Config(
                **t5,
                initializer_factor=3.0,
                encoder_attention_type="transient-global",
                local_radius=15,
                global_block_size=8,
            )
        )
    config = model.generation_config
    config.max_length, config.min_length, config.num_beams, config.no_repeat_ngram_size = 24, 4, 2, 3
    if kind == "bart":
        config.forced_bos_token_id, config.forced_eos_token_id = 0, 2
        config.early_stopping, config.length_penalty = True, 2.0
    model.save_pretrained(folder)
    byte_level_tokenizer(limit=limit, opens=kind in {"bart", "led"}).save_pretrained(folder)
    return folder


def make_instruct(kind: str, folder: Path, *, seed: int = 7, context: int = 512) -> Path:
    """A decoder of that shape, with a chat template."""
    torch.manual_seed(seed)
    small = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": context, "bos_token_id": 0,
        "pad_token_id": 1, "eos_token_id": 2, "initializer_range": 0.3,
    }  # fmt: skip
    if kind == "llama":
        model: torch.nn.Module = LlamaForCausalLM(LlamaConfig(**small))
    elif kind == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**small))
    else:
        model = GemmaForCausalLM(GemmaConfig(**small, head_dim=8))
    model.save_pretrained(folder)  # type: ignore[operator]
    tokenizer = byte_level_tokenizer(limit=context, opens=False)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def make_classifier(kind: str, folder: Path, *, seed: int = 5, limit: int = 64) -> Path:
    """A single-label or multi-label BERT, or a BART for natural-language inference."""
    torch.manual_seed(seed)
    if kind == "nli":
        labels = ["contradiction", "neutral", "entailment"]
        model: torch.nn.Module = BartForSequenceClassification(
            BartConfig(
                vocab_size=VOCABULARY,
                d_model=32,
                encoder_layers=1,
                decoder_layers=1,
                encoder_attention_heads=4,
                decoder_attention_heads=4,
                encoder_ffn_dim=64,
                decoder_ffn_dim=64,
                max_position_embeddings=limit,
                pad_token_id=1,
                bos_token_id=0,
                eos_token_id=2,
                decoder_start_token_id=2,
                init_std=0.5,
                id2label=dict(enumerate(labels)),
                label2id={label: i for i, label in enumerate(labels)},
            )
        )
    else:
        labels = ["sport", "politics", "weather", "gossip"]
        model = BertForSequenceClassification(
            BertConfig(
                vocab_size=VOCABULARY,
                hidden_size=32,
                num_hidden_layers=1,
                num_attention_heads=4,
                intermediate_size=64,
                max_position_embeddings=limit,
                pad_token_id=1,
                initializer_range=0.6,
                problem_type=f"{kind.replace('-', '_')}_classification",
                id2label=dict(enumerate(labels)),
                label2id={label: i for i, label in enumerate(labels)},
            )
        )
    model.save_pretrained(folder)  # type: ignore[operator]
    byte_level_tokenizer(limit=limit, opens=True).save_pretrained(folder)
    return folder


def make(kind: str, folder: Path) -> Path:
    return make_seq2seq(kind, folder) if kind in SEQ2SEQ else make_classifier(kind, folder)


def as_pickled(folder: Path, target: Path) -> Path:
    """The same checkpoint with `pytorch_model.bin`, as older ones are on the hub."""
    from safetensors.torch import load_file

    shutil.copytree(folder, target)
    torch.save(load_file(target / "model.safetensors"), target / "pytorch_model.bin")
    (target / "model.safetensors").unlink()
    return target


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
