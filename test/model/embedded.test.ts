import './runs.ts'
