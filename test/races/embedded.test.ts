import './races.ts'
