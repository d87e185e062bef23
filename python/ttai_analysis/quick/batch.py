"""/analyze/quick/batch: the quick look at many symbols, each by itself.

For: a failure of one symbol is that symbol's. Not for: the look itself (service.py).
"""

from datetime import datetime

from ttai_analysis.answers import answer_head, item_error
from ttai_analysis.errors import ServiceError
from ttai_analysis.models.common import ItemError, Quality
from ttai_analysis.models.quick import QuickAnalysis, QuickBatch, QuickBatchRequest, QuickRequest
from ttai_analysis.providers.base import Provider
from ttai_analysis.quick.quotes import with_quotes_once
from ttai_analysis.quick.service import analyze_quick


def analyze_batch(request: QuickBatchRequest, provider: Provider, as_of: datetime) -> QuickBatch:
    """Results and errors in the order asked; a symbol that is named twice is looked at once."""
    results: dict[str, QuickAnalysis] = {}
    errors: dict[str, ItemError] = {}
    symbols = list(dict.fromkeys(request.symbols))
    shared = with_quotes_once(provider, as_of, symbols)
    for symbol in symbols:
        one = QuickRequest(symbol=symbol, strategy=request.strategy, as_of=request.as_of)
        try:
            results[symbol] = analyze_quick(one, shared, as_of)
        except ServiceError as error:
            errors[symbol] = item_error(error)
    ages = [item.quality.age_seconds for item in results.values()]
    moments = [item.quality.as_of for item in results.values() if item.quality.as_of]
    return QuickBatch(
        **answer_head("/analyze/quick/batch", request, provider.source, as_of),
        quality=Quality(
            source=provider.source,
            as_of=min(moments, default=None),
            age_seconds=max((age for age in ages if age is not None), default=None),
            stale=not results or any(item.quality.stale for item in results.values()),
            adjusted=all(item.quality.adjusted for item in results.values()),
            bars_used=min((item.quality.bars_used for item in results.values()), default=0),
            warnings=[f"failed:{symbol}" for symbol in errors],
        ),
        evidence=[],
        results=results,
        errors=errors,
    )
