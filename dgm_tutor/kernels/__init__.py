"""Operations that are worth a kernel of their own, each beside its definition in plain torch."""
