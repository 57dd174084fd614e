"""Why a call or a registration went wrong: findings with their evidence, from records alone."""
