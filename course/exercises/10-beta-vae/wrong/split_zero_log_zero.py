# exercise: split
# slip: 0 log 0 as NaN
# says: A posterior that is certain has zeros, and 0 times -infinity is not a number. torch.xlogy takes it as 0.
# source: emited/VariationalRecurrentNeuralNetwork#2: NaN from log 0


def rate_split(p_data, posterior, prior):
    aggregate = p_data @ posterior
    information = (p_data[:, None] * posterior * (posterior.log() - aggregate.log())).sum()
    return information, (aggregate * (aggregate.log() - prior.log())).sum()
