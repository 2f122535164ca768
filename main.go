// Package main is the program synctv: a server to watch films together.
//
// It starts the command line and nothing else, so that everything can be
// tested in-process.
//
// Imported by nobody.
package main

import (
	"context"
	"os"

	"synctv/app/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args))
}
