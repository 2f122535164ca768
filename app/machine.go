package app

// defaultMemory is assumed where the machine's memory is not known: enough for
// a small board.
const defaultMemory = 1 << 30
