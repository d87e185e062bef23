"""The words of financial news with their tone, and the words that turn a tone round.

For: a lexicon written for this project; weights from -3 (ruinous) to 3. Stems match whole words
with common endings (`surge` finds surged, surging, surges). Not for: scoring (sentiment.py).
"""

POSITIVE: dict[str, float] = {
    "accelerate": 1.0, "accretive": 1.2, "achieve": 0.8, "advance": 0.7, "approval": 1.5,
    "approve": 1.2, "beat": 1.8, "best": 0.8, "boom": 1.2, "boost": 1.2, "breakthrough": 1.8,
    "bullish": 1.5, "buyback": 1.4, "climb": 1.0, "confident": 0.9, "deliver": 0.5,
    "demand": 0.4, "efficient": 0.7, "exceed": 1.6, "expand": 0.9, "expansion": 0.9,
    "favorable": 1.0, "favourable": 1.0, "gain": 1.0, "grow": 0.9, "growth": 0.9,
    "healthy": 0.9, "high": 0.3, "improve": 1.0, "improvement": 1.0, "increase": 0.5,
    "innovative": 0.8, "jump": 1.2, "leader": 0.6, "lucrative": 1.0, "milestone": 0.9,
    "momentum": 0.8, "opportunity": 0.6, "optimistic": 1.2, "outpace": 1.3, "outperform": 1.6,
    "overweight": 1.2, "partnership": 0.6, "positive": 1.0, "profit": 0.7, "profitable": 1.2,
    "promising": 1.0, "prosper": 1.2, "raise": 1.0, "rally": 1.3, "rebound": 1.1, "record": 0.9,
    "recover": 0.9, "recovery": 0.9, "repurchase": 1.2, "resilient": 1.1, "reward": 0.7,
    "rise": 0.8, "robust": 1.2, "soar": 1.8, "solid": 0.9, "strength": 0.9, "strengthen": 1.1,
    "strong": 1.1, "succeed": 1.1, "success": 1.1, "successful": 1.1, "surge": 1.7,
    "surpass": 1.5, "thrive": 1.3, "tailwind": 1.1, "top": 0.7, "triumph": 1.4, "upbeat": 1.2,
    "upgrade": 1.9, "upside": 1.1, "upturn": 1.1, "win": 1.1, "windfall": 1.3,
}

NEGATIVE: dict[str, float] = {
    "abandon": -1.1, "accuse": -1.4, "adverse": -1.2, "allegation": -1.5, "allege": -1.4,
    "antitrust": -1.3, "bankrupt": -3.0, "bankruptcy": -3.0, "bearish": -1.5, "breach": -1.7,
    "burden": -0.9, "cancel": -1.0, "caution": -0.8, "cautious": -0.8, "challenge": -0.6,
    "charge": -0.6, "collapse": -2.4, "complaint": -0.8, "concern": -0.8, "crash": -2.2,
    "crisis": -2.0, "cut": -1.0, "damage": -1.2, "deadline": -0.2, "decline": -1.0,
    "default": -2.4, "deficit": -1.0, "delay": -1.0, "delist": -2.6, "deteriorate": -1.5,
    "dilute": -1.6, "dilution": -1.6, "disappoint": -1.5, "dismal": -1.7, "dispute": -0.8,
    "disrupt": -1.0, "doubt": -0.9, "downgrade": -1.9, "downturn": -1.4, "drop": -1.1,
    "erode": -1.2, "fail": -1.5, "failure": -1.5, "fall": -1.0, "fear": -1.0, "fine": -1.0,
    "fraud": -2.8, "halt": -1.3, "headwind": -1.1, "hurt": -1.1, "impairment": -1.5,
    "indict": -2.5, "insolvent": -3.0, "investigate": -1.6, "investigation": -1.7,
    "lag": -0.9, "lawsuit": -1.5, "layoff": -1.3, "liability": -0.8, "litigation": -1.2,
    "lose": -1.1, "loss": -1.1, "low": -0.4, "miss": -1.7, "negative": -1.0, "outage": -1.3,
    "penalty": -1.3, "plummet": -2.1, "plunge": -2.1, "poor": -1.2, "pressure": -0.8,
    "probe": -1.6, "problem": -0.9, "recall": -1.6, "recession": -1.4, "resign": -1.1,
    "restate": -2.3, "restatement": -2.4, "risk": -0.5, "scandal": -2.3, "scrutiny": -1.1,
    "sell-off": -1.4, "selloff": -1.4, "setback": -1.3, "shortage": -1.1, "shortfall": -1.4,
    "shrink": -1.1, "shutdown": -1.4, "sink": -1.4, "slash": -1.5, "slide": -1.2, "slip": -0.8,
    "slow": -0.8, "slowdown": -1.3, "sluggish": -1.1, "slump": -1.7, "strike": -0.9,
    "struggle": -1.2, "sue": -1.3, "suffer": -1.2, "suspend": -1.5, "tariff": -0.8,
    "threat": -1.0, "threaten": -1.1, "tumble": -1.6, "turmoil": -1.6, "uncertain": -0.8,
    "uncertainty": -0.8, "underperform": -1.5, "underweight": -1.2, "unprofitable": -1.3,
    "violate": -1.6, "violation": -1.6, "volatile": -0.6, "warn": -1.4, "warning": -1.4,
    "weak": -1.1, "weaken": -1.2, "weakness": -1.1, "worry": -1.0, "worse": -1.2,
    "worsen": -1.4, "worst": -1.5, "write-down": -1.6, "writedown": -1.6, "withdraw": -1.1,
}

PHRASES: dict[str, float] = {
    "above expectations": 1.6, "ahead of estimates": 1.6, "below expectations": -1.6,
    "beats estimates": 2.0, "cuts guidance": -2.2, "fell short": -1.7, "guidance was cut": -2.2,
    "guidance was raised": 2.0, "lowers guidance": -2.2, "misses estimates": -2.0,
    "outlook was cut": -2.0, "price target was lowered": -1.2, "price target was raised": 1.2,
    "raises guidance": 2.0, "raises dividend": 1.5, "cuts dividend": -2.0,
    "short of expectations": -1.6, "all-time high": 1.3, "52-week low": -1.2,
    "going concern": -2.8, "higher costs": -0.9, "lower costs": 0.9, "slowing growth": -1.2,
}
"""Looked for first; the words of a phrase that is found do not count again."""

NEGATORS = frozenset(
    "not no never none neither nor without cannot hardly scarcely barely fails failed "
    "denies denied deny dismisses dismissed rejects rejected isn't wasn't aren't weren't "
    "don't doesn't didn't won't wouldn't can't couldn't hasn't haven't hadn't".split()
)
"""A tone within three words after one of these is turned round and weakened."""

INTENSIFIERS: dict[str, float] = {
    "sharply": 1.4, "significantly": 1.3, "substantially": 1.3, "strongly": 1.3, "steeply": 1.4,
    "very": 1.2, "massive": 1.4, "major": 1.2, "slightly": 0.6, "modestly": 0.7, "somewhat": 0.7,
    "marginally": 0.5, "minor": 0.6,
}
"""The word before a tone scales it."""
