/**
 * The analysis service's codes of reasons, in words for a person. The codes stay in the answers, for programs.
 * Not for sentences about a trade: the service writes those.
 */

const WORDS: Readonly<Record<string, string>> = {
  // chart
  insufficient_data: 'too few bars to judge it',
  stale_data: 'its bars lack the last session',
  price_below_minimum: 'a price below the least that is considered',
  illiquid: 'too little money changes hands in a day',
  strong_downtrend: 'a strong downtrend',
  recent_gap: 'a price gap in the last three bars',
  too_volatile: 'it moves too much in a day',
  no_support_nearby: 'no support near below the price',
  // research
  no_news_data: 'no news of the last 30 days',
  negative_sentiment: 'negative sentiment',
  high_news_risk: 'high news risk',
  high_short_interest: 'high short interest',
};

/** A reason as a person would say it; of a code that is not listed, its own words. */
export function reasonInWords(code: string): string {
  return WORDS[code] ?? code.replaceAll('_', ' ');
}
