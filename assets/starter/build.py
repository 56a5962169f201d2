"""Makes the model in the box from nothing: corpus, tokenizer, training, export.

    python assets/starter/build.py                  about an hour and a half on two CPU cores
    python assets/starter/build.py --resume         goes on after it was stopped or killed
    python assets/starter/build.py --check          compares the shipped model with its manifest and a short build

The corpus comes from the package ``corpus`` beside this file; nothing is downloaded.
"""

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

# A waiting thread that spins takes the core from the one it waits for when other programs run too: 2.6 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import blocks
import card
import rebuild
import shipping
import torch
import training
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import load_tokenizer

HERE = Path(__file__).resolve().parent
Made = dict[str, Any]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds the starter model from scratch, or checks the shipped one.")
    parser.add_argument("--minutes", type=float, default=80, help="time to train (default 80)")
    parser.add_argument("--steps", type=int, default=0, help="train exactly this many steps instead, to repeat a run")
    parser.add_argument("--tokens", type=float, default=48, help="millions of tokens to generate (default 48)")
    parser.add_argument("--seed", type=int, default=7, help="decides corpus, weights and order (default 7)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default 2)")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is an NVIDIA GPU (default cpu)")
    parser.add_argument("--out", type=Path, default=HERE / "model", help="where the model goes")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="where corpus and checkpoints lie meanwhile")
    parser.add_argument("--not-compiled", action="store_true", help="train at half the speed, without a C++ compiler")
    rate = training.Plan().rate
    parser.add_argument("--rate", type=float, default=rate, help=f"the learning rate (default {rate:g})")
    parser.add_argument("--begin-with", type=Path, help="folder of an earlier edition whose weights to begin with")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the work folder")
    parser.add_argument(
        "--check", action="store_true", help="verify the shipped model: files, corpus, short build, scores"
    )
    return parser.parse_args()


def settled(options: argparse.Namespace) -> Made:
    """What the work folder is made from: the options given or, going on after a stop, those of the beginning.

    Raises:
        SystemExit: it was begun with another seed, another length or another corpus.
    """
    note = options.work / "made_from.json"
    corpus = rebuild.corpus_hash(options.seed)
    asked: Made = {"seed": options.seed, "tokens": int(options.tokens * 1e6), "corpus_sha256": corpus}
    if note.exists():
        made: Made = json.loads(note.read_text(encoding="utf-8"))
        different = sorted(key for key in asked if made[key] != asked[key])
        if different:
            raise SystemExit(f"{options.work} was made with another {', '.join(different)}. Leave out --resume.")
        return made
    made = asked | {"rate": options.rate, "begin_with": str(options.begin_with or "")}
    if options.begin_with:
        made["before"] = edition(options.begin_with)
    options.work.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(made), encoding="utf-8")
    return made


def prepare(work: Path, made: Made) -> PreTrainedTokenizerFast:
    """Writes tokenizer, training row and held-out rows into the work folder, or reads what is there already."""
    seed, tokens = made["seed"], made["tokens"]
    if not (work / "tokenizer" / "tokenizer.json").exists():
        print("Learning the vocabulary", flush=True)
        rebuild.learned_tokenizer(seed).save_pretrained(work / "tokenizer")
    tokenizer = load_tokenizer(work / "tokenizer")
    held_out = rebuild.HELD_OUT_TOKENS
    for part, wanted in (("fresh", held_out), ("unseen", held_out), ("train", tokens)):
        if not (work / f"{part}.bin").exists():
            print(f"Writing {wanted:,} tokens of conversations ({part})", flush=True)
            blocks.write_row(work / f"{part}.bin", blocks.token_row(tokenizer, seed, part, wanted))
    return tokenizer


def begin_with(folder: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Takes over the weights of an earlier edition."""
    former = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    known = load_tokenizer(folder)
    tokens = known.convert_ids_to_tokens(list(range(len(known))))
    shared = training.take_over(model, tokenizer.get_vocab(), former, tokens)
    print(f"Begins with {folder}: {shared:,} of {len(tokenizer):,} tokens were known there", flush=True)


def edition(folder: Path) -> Made:
    """What the manifest of the next edition says of this one."""
    manifest = json.loads((folder / shipping.MANIFEST).read_text(encoding="utf-8"))
    return {
        "began_with_sha256": manifest["files"]["model.safetensors"]["sha256"],
        "tokens_before": manifest["built"]["tokens_seen"] + manifest["built"].get("tokens_before", 0),
    }


def build(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    if not options.resume:
        shutil.rmtree(options.work, ignore_errors=True)
    made = settled(options)
    tokenizer = prepare(options.work, made)
    model = training.new_model(training.Shape(), *rebuild.special_tokens(tokenizer), seed=options.seed)
    resumed = (options.work / "checkpoint" / "progress.json").exists()
    if made["begin_with"] and not resumed:
        begin_with(Path(made["begin_with"]), model, tokenizer)
    model.to(options.device)
    train = blocks.read_row(options.work / "train.bin")
    print(f"{model.num_parameters():,} parameters, vocabulary {len(tokenizer)}", flush=True)

    def export(progress: training.Progress) -> None:
        shipping.export(model, tokenizer, options.out)
        print(f"Exported step {progress.step} to {options.out}", flush=True)

    progress = training.train(
        model,
        train,
        blocks.read_row(options.work / "fresh.bin"),
        training.Plan(seed=options.seed, rate=made["rate"]),
        training.Pace(options.minutes, options.steps, compiled=not options.not_compiled),
        options.work / "checkpoint",
        export,
        resumed,
        rebuild.looks_back(tokenizer, train),
    )
    unseen = training.held_out_loss(model, blocks.read_row(options.work / "unseen.bin"))
    fresh = training.held_out_loss(model, blocks.read_row(options.work / "fresh.bin"))
    facts: dict[str, int | float | str] = {
        "seed": options.seed,
        "rate": made["rate"],
        "steps": progress.steps,
        "minutes": round(progress.seconds / 60, 1),
        "tokens_seen": progress.steps * training.Plan().rows * blocks.BLOCK,
        "corpus_tokens": len(train),
        "parameters": model.num_parameters(),
        "loss_fresh": round(fresh.whole, 4),
        "answer_loss_fresh": round(fresh.answers, 4),
        "opening_loss_fresh": round(fresh.openings, 4),
        "loss_unseen": round(unseen.whole, 4),
        "answer_loss_unseen": round(unseen.answers, 4),
        "corpus_sha256": rebuild.corpus_hash(options.seed),
        **made.get("before", {}),
        "short_loss": round(rebuild.short_training(tokenizer, options.seed), 4),
    }
    shipping.write_manifest(options.out, facts)
    print(facts, flush=True)


def check(options: argparse.Namespace) -> int:
    torch.set_num_threads(options.threads)
    problems = shipping.check(options.out) or card.check(HERE / "README.md", options.out)
    if not problems:  # comparing scores of other files would say nothing
        print(
            "Files, sizes and hashes are those of the manifest, and the card's figures too. Now a short build.",
            flush=True,
        )
        problems = rebuild.compare(options.out)
    print("\n".join(problems) if problems else f"The model in {options.out} is what its card says.")
    return 1 if problems else 0


def main() -> int:
    options = arguments()
    if options.check:
        return check(options)
    build(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
