package config

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is docs/configuration.md: every start-up key, and the names of the
// site settings that may be pinned.
func Reference(settings []string) string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, k := range keys() {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", k.name, k.doc)
		kind := "text"
		switch {
		case k.list:
			kind = "list"
		case k.secret && k.flag == "":
			kind = "secret"
		case k.def == "true" || k.def == "false":
			kind = "switch"
		}
		def := "none"
		if k.def != "" {
			def = "`" + k.def + "`"
		}
		fmt.Fprintf(&b, "%s, default %s. `%s`", strings.ToUpper(kind[:1])+kind[1:], def, env(k.name))
		if k.flag != "" {
			fmt.Fprintf(&b, ", `--%s`", k.flag)
		}
		b.WriteString(".\n")
	}
	b.WriteString(referenceSettings)
	for _, name := range slices.Sorted(slices.Values(settings)) {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", name, env(name))
	}
	b.WriteString(referenceTail)
	return b.String()
}

const referenceHead = `<!-- Made from app/config/keys.go by: go test ./app/cli -run Reference -update -->

# Configuration

SyncTV needs none: start it, and it listens on port 8080 and keeps everything in ` + "`./data`" + `. What you want otherwise is a flag, an environment variable or a line of a file. Flags win over the environment, the environment over the file, the file over the defaults. ` + "`synctv config show`" + ` prints every value and where it comes from, secrets as stars.

The file is ` + "`synctv.yaml`" + ` in the data folder when there is one, or what ` + "`--config`" + ` or ` + "`SYNCTV_CONFIG`" + ` names (YAML, TOML or JSON):

` + "```yaml" + `
listen: ":8080"
library:
  - /srv/films
  - music=/srv/audio
server:
  public_url: https://tv.example.org
  trusted_proxies: [127.0.0.1]
log:
  level: warn
` + "```" + `

A list is a list in the file, comma-separated in the environment, a repeated flag on the command line. An empty variable counts as not set. A key or ` + "`SYNCTV_`" + ` variable that does not exist stops the start, and so does a value that makes no sense; all mistakes are named at once.

## Keys
`

const referenceSettings = `
## Site settings

These are changed in the web pages while the server runs. Given here they win, and the pages show them as locked. Texts, numbers and switches (` + "`true`, `false`" + `) are written as they are, durations with their unit (` + "`90s`, `15m`, `720h`" + `), lists as above.

| key | variable |
|---|---|
`

const referenceTail = `
## Secrets

The master key and the password of the first account come from the environment or a file, never from a flag: every user of a machine can list the arguments of its programs. No command, log line or error shows them.
`
