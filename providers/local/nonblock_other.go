//go:build !unix

package local

// nonblock is nothing where there are no named pipes in folders.
const nonblock = 0
