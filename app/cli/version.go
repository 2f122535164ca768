package cli

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X synctv/app/cli.version=1.2.3.
var version string

// Version is the version of a release, or "dev" with the commit it was built from.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = "-" + s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				changed = "-changed"
			}
		}
	}
	return "dev" + commit + changed
}

func platform() string { return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH }
