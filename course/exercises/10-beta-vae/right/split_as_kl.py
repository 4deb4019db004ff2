# exercise: split
# how: torch.nn.functional's KL, row by row
import torch
from torch.nn.functional import kl_div


def rate_split(p_data, posterior, prior):
    aggregate = (p_data.unsqueeze(1) * posterior).sum(0)
    tiny = torch.finfo(posterior.dtype).tiny
    rows = kl_div(aggregate.clamp(min=tiny).log().expand_as(posterior), posterior, reduction="none").sum(1)
    return (p_data * rows).sum(), kl_div(prior.log(), aggregate, reduction="sum")
