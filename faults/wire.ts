/** How PostgreSQL's protocol names the statement that commits, whatever it commits. */
export const COMMIT = '\0commit\0'
