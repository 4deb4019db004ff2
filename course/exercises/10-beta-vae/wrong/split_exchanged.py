# exercise: split
# slip: the two exchanged
# says: The pair is (information, divergence): yours has them the other way round.
# source: seen in teaching
import torch


def rate_split(p_data, posterior, prior):
    aggregate = p_data @ posterior
    information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, aggregate))).sum()
    return (torch.xlogy(aggregate, aggregate) - torch.xlogy(aggregate, prior)).sum(), information
