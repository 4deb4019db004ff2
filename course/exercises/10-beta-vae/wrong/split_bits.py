# exercise: split
# slip: bits, not nats
# says: Your numbers are in bits. This course counts in nats: natural logarithms.
# source: units mixed: VLAE quotes KL in bits beside nats
import torch


def rate_split(p_data, posterior, prior):
    aggregate = p_data @ posterior
    information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, aggregate))).sum()
    divergence = (torch.xlogy(aggregate, aggregate) - torch.xlogy(aggregate, prior)).sum()
    return information / torch.log(torch.tensor(2.0)), divergence / torch.log(torch.tensor(2.0))
