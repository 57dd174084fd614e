# Each word only hands over to tools/setup.py, which works where make is missing: python3 tools/setup.py WORD
PYTHON ?= python3
WORDS := demo course test check bench notebooks lock install

.PHONY: help $(WORDS)
.DEFAULT_GOAL := help

help:
	@$(PYTHON) tools/setup.py help

$(WORDS):
	@$(PYTHON) tools/setup.py $@ $(ARGS)
