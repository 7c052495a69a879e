#!/usr/bin/env python3
"""Makes tests/data/tokenizers: tiny tokenizers of every kind, and what the references make of texts.

The tokenizers are trained here, on the texts below, by Hugging Face's `tokenizers` and by
`sentencepiece`, which also give the expected ids. Run by hand (pip install tokenizers
sentencepiece); the files are committed.
"""
import io
import json
import pathlib
import random

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as spm_proto
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "tokenizers"

TRAINING = [
    "In the beginning God created the heaven and the earth. And the earth was without form, and "
    "void; and darkness was upon the face of the deep. And the Spirit of God moved upon the face "
    "of the waters. And God said, Let there be light: and there was light.",
    "def encode(text, *, add_special=True):\n    if not text:\n        return []\n"
    "    return [ids for ids in self.merge(text)]  # 1234 tokens, 56.78 seconds\n",
    "Привет, как дела? Сегодня хорошая погода, и мы идём гулять в парк. Какая хорошая погода!",
    "今日はとても良い天気ですね。散歩に行きましょう。天気が良いですね。",
    "你好，世界！这是一个测试。世界很大，测试很小。",
    "Wie schön! Äpfel, Öl und Übermut; ça va très bien, garçon. El niño comió piñas.",
    "안녕하세요 세계! 오늘은 날씨가 좋네요. 좋은 날씨예요.",
] * 3

TEXTS = [
    "", " ", "  ", "a", "Hello world", " Hello  world ", "In the beginning God created light.",
    "the the the earth's earth'S it's IT'S we'll WE'LL I'm don't 'tis ''", "1 12 123 1234 12345",
    "tab\tnew\nline\r\nend\n\n\nx\n  y", "    if not text:\n        return", "x=1+2*3/4;if(a&&b)",
    "Привет, как дела?", "今日は良い天気", "你好，世界！", "안녕하세요 세계", "Äpfel ÄPFEL äpfel",
    "e\u0301 \u00e9 n\u0303 A\u030a", "ﬁ ﬂ Ⅷ ½ ² ①", "😀 👩\u200d👧 🇫🇷 👍🏽", "مرحبا بالعالم", "नमस्ते",
    "a\u00a0b\u2003c\u3000d\u200be\u2028f\u0085g\ufeffh", "İstanbul ǅ ß ẞ ΑΣ", "▁a ▁▁b a▁b",
    "<s>light</s>", "<|im_start|>the<|im_end|>", " <|im_end|> the <mask> light", "<mask>", "x<mask>y",
    "word wordy aword word", "<s> <s>", "</s>the earth", "a <extra> b<extra>c",
    "https://example.org/a?b=c%20d#e", "snake_case CamelCase", "...!!!???---", "\u0001\u0002x\u0000y",
    "\u064b\u0301x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "thethethethethethethethetheearthearthearthandandandandthethethelightlight", "𝒜𝓑 𐍈 \U0002f81a",
    "１２３ ＡＢＣ", "'ſ ſ", "\ufffd", "the\ufffdearth",
]


def random_texts():
    rng = random.Random(5)
    parts = [" ", "  ", "\n", "\t", "the", "earth", "a", "Z", "1", "23", "!", "'s", "'", "é", "e\u0301",
             "中", "今日", "Привет", "좋", "😀", "ﬁ", "½", "\u3000", "_", "-", "▁", "<s>", "<|im_end|>"]
    return ["".join(rng.choice(parts) for _ in range(rng.randrange(2, 16))) for _ in range(60)]


ALL_TEXTS = TEXTS + random_texts()


def save(name, kind, tokenizer, config, encode):
    """`encode(text, special)` → ids."""
    golden = {"kind": kind, "tokenizer": tokenizer, "config": config,
              "ids": [encode(text, True) for text in ALL_TEXTS],
              "ids_without_special": [encode(text, False) for text in ALL_TEXTS]}
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


def save_hf(name, tokenizer, config=None):
    def encode(text, special):
        return tokenizer.encode(text, add_special_tokens=special).ids

    save(name, "hf", json.loads(tokenizer.to_str()), config, encode)


def train_bpe(tokenizer, size=420, **options):
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, **options)
    tokenizer.train_from_iterator(TRAINING, trainer)
    return tokenizer


def byte_level(name, pattern, **model):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    train_bpe(t, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
              special_tokens=["<s>", "</s>", "<|im_start|>", "<|im_end|>"])
    t.add_tokens([AddedToken("<extra>", normalized=True), AddedToken("word", single_word=True)])
    t.decoder = decoders.ByteLevel()
    if model:
        t = Tokenizer.from_str(json.dumps(patched(t, model)))
        t.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])])
    save_hf(name, t, {"bos_token": "<s>", "eos_token": {"content": "<|im_end|>"}})


def patched(tokenizer, model):
    whole = json.loads(tokenizer.to_str())
    whole["model"].update(model)
    return whole


def byte_level_variants():
    llama3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| "
              r"?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    byte_level("byte_level_llama3", llama3, ignore_merges=True)
    byte_level("byte_level_qwen2", llama3.replace("{1,3}", ""))
    gpt4o = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
             r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
             r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| "
             r"?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    byte_level("byte_level_gpt4o", gpt4o)

    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    train_bpe(t, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
              special_tokens=["<s>", "<|im_start|>", "<|im_end|>"])
    save_hf("byte_level_smollm", t, {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"})

    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    train_bpe(t, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "</s>"])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True), AddedToken("<|im_end|>", rstrip=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    save_hf("byte_level_roberta", t)

    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False),
        pre_tokenizers.Digits(), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
        pre_tokenizers.Split("th", "merged_with_previous"),
        pre_tokenizers.Split("e", "merged_with_next")])
    train_bpe(t, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    save_hf("byte_level_falcon", t)


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def mark_tokenizer(name, normalizer, pre_tokenizer, decoder=None, byte_fallback=True, added=(),
                   config=None):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=byte_fallback))
    t.normalizer = normalizer
    # Without a pre-tokenizer training would merge whole sentences.
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    train_bpe(t, size=700 if byte_fallback else 400, limit_alphabet=100,
              special_tokens=["<unk>", "<s>", "</s>"] + (BYTES if byte_fallback else []))
    whole = json.loads(t.to_str())
    whole["added_tokens"] = [x for x in whole["added_tokens"] if not x["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(whole))
    if pre_tokenizer is None:
        del whole["pre_tokenizer"]
        whole["pre_tokenizer"] = None
        t = Tokenizer.from_str(json.dumps(whole))
    else:
        t.pre_tokenizer = pre_tokenizer
    if added:
        t.add_tokens(list(added))
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    t.decoder = decoder or decoders.Metaspace()
    save_hf(name, t, config)


def space_mark_variants():
    mark = "\u2581"
    llama2 = decoders.Sequence([decoders.Replace(mark, " "), decoders.ByteFallback(),
                                decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    mark_tokenizer("marks_llama2", normalizers.Sequence(
        [normalizers.Prepend(mark), normalizers.Replace(" ", mark)]), None, llama2,
        config={"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True,
                "add_eos_token": True})
    mark_tokenizer("marks_gemma", normalizers.Replace(" ", mark),
                   pre_tokenizers.Split(" ", "merged_with_previous"),
                   decoders.Sequence([decoders.Replace(mark, " "), decoders.ByteFallback(),
                                      decoders.Fuse()]),
                   added=[AddedToken("\n\n", normalized=False), AddedToken("<extra>")])
    mark_tokenizer("marks_first", None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False))
    mark_tokenizer("marks_unknown", None, pre_tokenizers.Metaspace(prepend_scheme="always"),
                   byte_fallback=False,
                   added=[AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])


def unigram_variants():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(),
                                         normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.train_from_iterator(TRAINING, trainers.UnigramTrainer(
        vocab_size=300, unk_token="<unk>", special_tokens=["<unk>", "<s>", "</s>"],
        show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    t.decoder = decoders.Metaspace()
    save_hf("unigram_albert", t, {"eos_token": "</s>"})

    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(),
                                         normalizers.Lowercase(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    save_hf("unigram_t5", t)


def wordpiece_variants():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(TRAINING, trainers.WordPieceTrainer(
        vocab_size=420, show_progress=False,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<mask>"]))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.decoder = decoders.WordPiece()
    save_hf("wordpiece_uncased", t, {"cls_token": "[CLS]", "sep_token": "[SEP]"})

    t.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=None)
    save_hf("wordpiece_cased", t)
    t.normalizer = None
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    save_hf("wordpiece_words", t)


def sentencepiece_metadata(proto, model):
    kinds = spm_proto.ModelProto.SentencePiece
    types = {kinds.NORMAL: 1, kinds.UNKNOWN: 2, kinds.CONTROL: 3, kinds.USER_DEFINED: 4,
             kinds.UNUSED: 5, kinds.BYTE: 6}
    keys = {"model": model, "tokens": [p.piece for p in proto.pieces],
            "scores": [p.score for p in proto.pieces],
            "token_type": [types[p.type] for p in proto.pieces],
            "add_space_prefix": proto.normalizer_spec.add_dummy_prefix,
            "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0,
            "add_bos_token": True, "add_eos_token": False}
    if model == "t5":
        keys["remove_extra_whitespaces"] = proto.normalizer_spec.remove_extra_whitespaces
        keys["precompiled_charsmap"] = list(proto.normalizer_spec.precompiled_charsmap)
    return {f"tokenizer.ggml.{key}": value for key, value in keys.items()}


def sentencepiece_variant(name, model, **options):
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING), model_writer=out, minloglevel=2, character_coverage=0.98,
        **options)
    processor = spm.SentencePieceProcessor(model_proto=out.getvalue())
    proto = spm_proto.ModelProto()
    proto.ParseFromString(out.getvalue())

    # SentencePiece has no parsing of control tokens: texts that hold some are left out by
    # encoding without.
    def encode(text, special):
        return processor.encode(text, add_bos=special)

    save(name, "gguf", sentencepiece_metadata(proto, model), None, encode)


def sentencepiece_variants():
    rules = OUT / "rules.tsv"  # a normalisation small enough to commit; code points in hex
    rules.write_text("FB01\t66 69\n65 301\tE9\nA0\t20\n3000\t20\n41 30A\tC5\n30A\t\nBD\t31 2F 32\n")
    sentencepiece_variant("sp_bpe", "llama", vocab_size=600, model_type="bpe", byte_fallback=True,
                          normalization_rule_name="identity", remove_extra_whitespaces=False,
                          split_digits=True,
                          allow_whitespace_only_pieces=True)
    sentencepiece_variant("sp_bpe_unknown", "llama", vocab_size=360, model_type="bpe",
                          normalization_rule_name="identity", remove_extra_whitespaces=False,
                          add_dummy_prefix=False, user_defined_symbols=["<extra>", "<mask>"])
    sentencepiece_variant("sp_unigram", "t5", vocab_size=330, model_type="unigram", hard_vocab_limit=False,
                          normalization_rule_tsv=str(rules))
    rules.unlink()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "texts.json").write_text(json.dumps(ALL_TEXTS, ensure_ascii=False, indent=0) + "\n")
    byte_level_variants()
    space_mark_variants()
    unigram_variants()
    wordpiece_variants()
    sentencepiece_variants()


if __name__ == "__main__":
    main()
