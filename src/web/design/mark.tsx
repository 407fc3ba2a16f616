const PATHS = {
  idle: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16',
  wait: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16m0 4v4.5l3 1.5',
  good: 'm5 13 4.5 4.5L19 7',
  bad: 'm6 6 12 12M18 6 6 18',
  back: 'M9 5h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H9l-6-7zm2.5 4.5 5 5m0-5-5 5',
} as const

/** A drawn sign, as high as the text beside it: it repeats for eyes what the words say. */
export function Mark({ of }: { of: keyof typeof PATHS }) {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[of]} />
    </svg>
  )
}
