/** @param sorted ascending, not empty */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const place = Math.ceil((percent / 100) * sorted.length) - 1
  return sorted[Math.max(0, place)] ?? Number.NaN
}

export function median(values: number[]): number {
  return percentile(
    values.toSorted((one, other) => one - other),
    50,
  )
}

/** @returns the number with so many significant digits */
export function rounded(value: number, digits = 3): number {
  return Number(value.toPrecision(digits))
}
