export type Json = string | number | boolean | null | Json[] | JsonObject
export type JsonObject = { [name: string]: Json }
