from tests.lab.stage import either, make_stage, stage

__all__ = ["either", "make_stage", "stage"]
