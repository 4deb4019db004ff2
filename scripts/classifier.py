"""Train the classifier that sample scores look through: ``python scripts/classifier.py`` (a minute).

Embedded training digits, shifted by up to two pixels, a third of them shrunk to a side of 14 or 8 first, so that small
images can be scored too. The file keeps 16-bit weights and the accuracy measured with them on the embedded test digits.
"""

import json

import torch
import torch.nn.functional as F

from dgm_tutor import data
from dgm_tutor.evaluation.classifier import WEIGHTS, DigitClassifier, accuracy, resized
from dgm_tutor.files import write_safetensors

STEPS, BATCH, SIDES = 3000, 128, (28, 14, 8)


def trained(seed: int = 0) -> DigitClassifier:
    """A classifier fitted to the embedded training digits."""
    digits = data.load("mnist").train
    images, labels = digits.pixels().flatten(1), digits.y
    torch.manual_seed(seed)
    classifier = DigitClassifier()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS):
        chosen = torch.randint(len(images), (BATCH,))
        x = resized(shifted(images[chosen]), SIDES[step % len(SIDES)])
        loss = F.cross_entropy(classifier(x), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return classifier.eval()


def shifted(x: torch.Tensor, most: int = 2) -> torch.Tensor:
    """The batch (n, 784) moved by one random step of up to ``most`` pixels each way."""
    down, right = torch.randint(-most, most + 1, (2,)).tolist()
    return x.reshape(-1, 28, 28).roll((down, right), (1, 2)).flatten(1)


if __name__ == "__main__":
    classifier = trained().half().float()
    test = data.load("mnist").test
    measured = {str(side): accuracy(classifier, resized(test.pixels().flatten(1), side), test.y) for side in SIDES}
    about = {"command": "python scripts/classifier.py", "torch": torch.__version__, "accuracy by side": measured}
    weights = {key: value.half().contiguous() for key, value in classifier.state_dict().items()}
    write_safetensors(WEIGHTS, weights, {"notes": json.dumps(about)})
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size / 1e3:.0f} kB, test accuracy by side {measured}")
