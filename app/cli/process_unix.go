//go:build unix

package cli

import "io/fs"

func worldWritable(mode fs.FileMode) bool { return mode.Perm()&0o002 != 0 }
