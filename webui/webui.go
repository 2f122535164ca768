// Package webui is the built web page as a file system, so that one binary is
// the whole product.
//
// The rule: dist is build output and committed; nothing here is written by hand
// but this file, and nothing is decided at run time. Text files of 1 KB and more
// lie next to their .br and .gz forms, and files of 64 KB and more exist only
// packed, so whoever serves must know how to unpack.
//
// Imported by app/api, which serves it.
package webui

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed all:dist
var files embed.FS

// FS is the root of the page: index.html, assets/, docs/.
func FS() fs.FS {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // only for an invalid path, and ours is a constant
	}
	return sub
}

// Build names this build: a hash over everything in it. An open page compares
// it with the one it came from and offers to reload when they differ.
func Build() string {
	b, err := files.ReadFile("dist/build.txt")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}
