from .cells import GRU, GRU_BEFORE, LSTM, RNN

CELLS = {c.name: c for c in (RNN, LSTM, GRU, GRU_BEFORE)}
