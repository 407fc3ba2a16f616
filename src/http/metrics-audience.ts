/** Who may read the metrics: nobody, whoever calls from this machine itself, or everybody. */
export const METRICS_AUDIENCES = ['off', 'loopback', 'on'] as const
export type MetricsAudience = (typeof METRICS_AUDIENCES)[number]
