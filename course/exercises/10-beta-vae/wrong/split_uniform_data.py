# exercise: split
# slip: data taken as uniform
# says: Your aggregate is the plain mean of the rows: weigh them by p_data.
# source: seen in teaching; right for a data set, wrong for a distribution
import torch


def rate_split(p_data, posterior, prior):
    aggregate = posterior.mean(0)
    information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, aggregate))).sum()
    return information, (torch.xlogy(aggregate, aggregate) - torch.xlogy(aggregate, prior)).sum()
