//go:build !unix

package cli

import "io/fs"

// worldWritable is decided by access lists here, which mode bits do not show.
func worldWritable(fs.FileMode) bool { return false }
