"""A BART of a real one's size with random weights, for speed alone."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from tests import articles

WRITTEN_TOKENS = 60


def make_bart(folder: Path, *, full: bool) -> Path:
    """`full`: the shape of distilbart-cnn-12-6; else 6 and 6 layers, 512 wide. Writes `WRITTEN_TOKENS` tokens by four
    beams, whatever it reads."""
    vocabulary = 50_264 if full else 20_000
    layers, decoder_layers, width, heads = (12, 6, 1024, 16) if full else (6, 6, 512, 8)
    model = BartForConditionalGeneration(
        BartConfig(
            vocab_size=vocabulary,
            d_model=width,
            encoder_layers=layers,
            decoder_layers=decoder_layers,
            encoder_attention_heads=heads,
            decoder_attention_heads=heads,
            encoder_ffn_dim=4 * width,
            decoder_ffn_dim=4 * width,
            max_position_embeddings=1024,
        )
    )
    config = model.generation_config
    config.num_beams, config.early_stopping, config.no_repeat_ngram_size = 4, True, 3
    config.min_length = config.max_length = WRITTEN_TOKENS
    model.save_pretrained(folder)
    tokenizer_of(vocabulary).save_pretrained(folder)
    return folder


def tokenizer_of(size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE learnt from a few articles, its vocabulary filled up with entries that no text holds."""
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=2_000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learnt.train_from_iterator(
        [articles.HARBOUR, articles.FOOTBALL, articles.BUDGET, articles.long_article(2000)], trainer
    )
    learnt.decoder = decoders.ByteLevel()
    learnt.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    learnt.add_tokens([f"unused{number}" for number in range(size - learnt.get_vocab_size())])
    return PreTrainedTokenizerFast(
        tokenizer_object=learnt,
        model_max_length=1024,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )
