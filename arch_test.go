package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "synctv"

// allowed lists, for each package of this module, those it may import.
// It is the architecture diagram; ARCHITECTURE.md is drawn from it.
// "app" may import everything but app/cli; test-only packages are imported by tests.
var allowed = map[string][]string{
	".":     {"app/cli"},
	"webui": {},

	"store":           {"store/perm", "store/sqlgen"},
	"store/perm":      {},
	"store/sqlgen":    {},
	"store/storetest": {"store"},

	"realtime":             {"realtime/playback", "realtime/protocol", "realtime/bus", "store/perm"},
	"realtime/playback":    {},
	"realtime/protocol":    {"realtime/playback", "store/perm"},
	"realtime/bus":         {},
	"realtime/bus/bustest": {"realtime/bus"},

	"providers":              {},
	"providers/direct":       {"providers"},
	"providers/local":        {"providers"},
	"providers/proxy":        {"providers"},
	"providers/providertest": {"providers"},

	"app/config":     {},
	"app/netguard":   {},
	"app/httpstrict": {},
	"app/text":       {},
	"app/telemetry":  {"app/config"},
	"app/auth":       {"store/perm"},
	"app/settings":   {"store", "store/perm"},
	"app/files":      {"store"},
	"app/account":    rules(),
	"app/room":       rules("realtime/protocol"),
	"app/library":    rules("app/room", "realtime/protocol", "realtime/playback", "providers", "providers/proxy"),
	"app/chat":       rules("app/room", "realtime/protocol"),
	"app/api": rules("app/account", "app/room", "app/library", "app/chat", "app/config", "app/telemetry", "app/httpstrict",
		"realtime", "realtime/protocol", "realtime/playback", "providers", "providers/proxy", "webui"),
	"app":       {"*"},
	"app/bench": {},
	"app/cli":   {"app", "app/bench", "app/config", "app/telemetry", "app/account", "app/auth", "app/settings", "store"},
}

// rules is what every package of business rules may import, and more.
func rules(more ...string) []string {
	return append(more, "store", "store/perm", "app/auth", "app/settings", "app/files", "app/text")
}

// home names the only packages that may import an outside library, so that
// replacing one touches one directory.
var home = map[string][]string{
	"github.com/gofiber":               {"app/api"},
	"github.com/danielgtaylor/huma":    {"app/api"},
	"github.com/valyala/fasthttp":      {"app/api", "app/httpstrict"},
	"github.com/fasthttp/websocket":    {"app/api", "app/bench"},
	"github.com/golang-jwt/jwt":        {"app/auth"},
	"golang.org/x/crypto":              {"app/auth"},
	"github.com/spf13/viper":           {"app/config"},
	"github.com/spf13/pflag":           {"app/config"},
	"github.com/spf13/cobra":           {"app/cli"},
	"database/sql":                     {"store"},
	"modernc.org":                      {"store"},
	"github.com/pressly/goose":         {"store"},
	"golang.org/x/image":               {"app/files"},
	"image":                            {"app/files"},
	"os/exec":                          {"providers/local", "app/bench"},                                      // ffmpeg when it is there; the child of the baseline
	"testing":                          {"store/storetest", "realtime/bus/bustest", "providers/providertest"}, // test-only packages
	"github.com/stretchr/testify":      {},                                                                    // plain Go asserts, house style 11
	"github.com/go-viper/mapstructure": {},                                                                    // config reads its keys one by one
	"log":                              {},                                                                    // log/slog, handed in
	"math/rand":                        {},                                                                    // v2 for jitter, crypto/rand for secrets
}

// exact are the entries of home that do not stand for the packages below them.
var exact = []string{"log", "math/rand"}

// notIn lists imports that a package must not have although others may.
var notIn = map[string][]string{
	"realtime/playback": {"context", "net"},               // pure: time is an argument
	"store/perm":        {"time", "context", "net", "os"}, // pure
	"app/auth":          {"math/rand/v2"},                 // tokens are not to be guessed
	"app/account":       {"math/rand/v2"},                 // nor are these
	"providers/proxy":   {"math/rand/v2"},                 // nor tickets
	"realtime":          {"net/http"},                     // runs in a bubble, without a network
	"realtime/protocol": {"net", "net/http"},              // as realtime
}

// source is one parsed Go file of this module.
type source struct {
	name string // slash-separated path from the root
	pkg  string // its directory
	test bool
	file *ast.File
	set  *token.FileSet
}

// sources parses the whole module.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && skipDir(d.Name()):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(name, ".go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(name)
		out = append(out, source{slash, path.Dir(slash), strings.HasSuffix(name, "_test.go"), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func skipDir(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "node_modules", "dist"}, name)
}

// imports returns the import paths of a file by the name they are used under.
func (s source) imports() map[string]string {
	out := map[string]string{}
	for _, spec := range s.file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(imp)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = imp
	}
	return out
}

func (s source) at(n ast.Node) string { return s.set.Position(n.Pos()).String() }

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		seen[s.pkg] = true
		for _, imp := range s.imports() {
			if own, ok := strings.CutPrefix(imp, module+"/"); ok {
				if !slices.Contains(allowed[s.pkg], own) && (s.pkg != "app" || own == "app/cli") {
					t.Errorf("%s: %s must not import %s", s.name, s.pkg, own)
				}
				continue
			}
			if slices.Contains(notIn[s.pkg], imp) {
				t.Errorf("%s: %s must not import %s", s.name, s.pkg, imp)
			}
			for lib, pkgs := range home {
				below := strings.HasPrefix(imp, lib+"/") && !slices.Contains(exact, lib)
				if (imp == lib || below) && !slices.Contains(pkgs, s.pkg) {
					t.Errorf("%s: only %v may import %s", s.name, pkgs, imp)
				}
			}
		}
	}
	for pkg := range seen {
		if _, ok := allowed[pkg]; !ok {
			t.Errorf("package %s is missing from the import table", pkg)
		}
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("the import table names %s, which does not exist", pkg)
		}
	}
}

func TestEveryPackageSaysWhoImportsIt(t *testing.T) {
	comments := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if s.file.Doc != nil {
			if comments[s.pkg] != "" {
				t.Errorf("%s: a second package comment", s.name)
			}
			comments[s.pkg] = s.file.Doc.Text()
		} else if _, ok := comments[s.pkg]; !ok {
			comments[s.pkg] = ""
		}
	}
	for pkg, comment := range comments {
		if strings.Count(comment, "\n\n") < 2 || !strings.Contains(comment, "mported by") {
			t.Errorf("%s: the package comment must say what it is for, the rule that keeps it whole and who imports it", pkg)
		}
	}
}

// TestGoroutinesAreRescued fails when a goroutine could take the process down:
// a go statement, or the Go method of a WaitGroup or errgroup, must run a
// function literal that begins with defer rescue(...).
func TestGoroutinesAreRescued(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "store/storetest" || s.pkg == "realtime/bus/bustest" || s.pkg == "providers/providertest" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			var run ast.Expr
			switch n := n.(type) {
			case *ast.GoStmt:
				run = n.Call.Fun
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Go" && len(n.Args) == 1 {
					run = n.Args[0]
				}
			}
			if run != nil && !rescued(run) {
				t.Errorf("%s: a goroutine must be a function literal that begins with defer rescue(...)", s.at(run))
			}
			return true
		})
	}
}

func rescued(run ast.Expr) bool {
	literal, ok := run.(*ast.FuncLit)
	if !ok || len(literal.Body.List) == 0 {
		return false
	}
	first, ok := literal.Body.List[0].(*ast.DeferStmt)
	if !ok {
		return false
	}
	switch f := first.Call.Fun.(type) {
	case *ast.Ident:
		return f.Name == "rescue"
	case *ast.SelectorExpr:
		return f.Sel.Name == "Rescue" || f.Sel.Name == "rescue"
	}
	return false
}

// dials are the calls and values that reach the network without the guard.
var dials = map[string][]string{
	"net":        {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer"},
	"net/http":   {"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "Client", "Transport"},
	"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
}

// mayDial are the packages that connect to what their caller names. The Doer
// that the others need is a value netguard made.
var mayDial = map[string]string{
	"app/netguard":           "it is the guard",
	"app/bench":              "it loads the server its user names",
	"app/cli":                "healthcheck asks the server its user names",
	"providers/providertest": "test-only",
}

func TestOnlyTheGuardDials(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || mayDial[s.pkg] != "" {
			continue
		}
		imports := s.imports()
		types := typesOf(s.file)
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(dials[imports[x.Name]], sel.Sel.Name) && !types[sel] {
				t.Errorf("%s: %s.%s goes around app/netguard", s.at(sel), x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

// typesOf finds the selectors that only name a type of a parameter, a result
// or a field behind a pointer: to be handed a client is the rule, to make one
// is not.
func typesOf(file *ast.File) map[*ast.SelectorExpr]bool {
	out := map[*ast.SelectorExpr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok {
			return true
		}
		ast.Inspect(field.Type, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				out[sel] = true
			}
			return true
		})
		return true
	})
	return out
}

// statement matches the beginning of an SQL text.
var statement = regexp.MustCompile(`(?i)^\s*(select\s.+\sfrom|insert\s+(or\s+\w+\s+)?into|update\s+\w+\s+set|delete\s+from|create\s+(table|index)|alter\s+table|drop\s+table|pragma)\b`)

// TestNobodyBuildsSQLFromPieces fails when SQL text is formatted, or joined
// with anything but another literal or a constant, outside store/sqlgen.
func TestNobodyBuildsSQLFromPieces(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "store/sqlgen" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(f.Sel.Name, "Sprint") && !strings.HasPrefix(f.Sel.Name, "Append") {
				return true
			}
			for _, arg := range call.Args {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					if err == nil && statement.MatchString(text) {
						t.Errorf("%s: SQL is built by store/sqlgen", s.at(lit))
					}
				}
			}
			return true
		})
	}
}

// TestPlaybackHasNoClock: time is an argument there, or two nodes that apply the
// same commands would differ.
func TestPlaybackHasNoClock(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg != "realtime/playback" {
			continue
		}
		imports := s.imports()
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if x, isIdent := selX(sel); ok && isIdent && imports[x.Name] == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}, sel.Sel.Name) {
				t.Errorf("%s: time.%s in a package without a clock", s.at(sel), sel.Sel.Name)
			}
			return true
		})
	}
}

// TestServerPackagesKeepQuiet: what is printed past the logger is not redacted.
func TestServerPackagesKeepQuiet(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "app/cli" {
			continue
		}
		imports := s.imports()
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch f := call.Fun.(type) {
			case *ast.Ident:
				if f.Name == "print" || f.Name == "println" {
					t.Errorf("%s: %s is for debugging", s.at(call), f.Name)
				}
			case *ast.SelectorExpr:
				x, ok := f.X.(*ast.Ident)
				if !ok {
					return true
				}
				switch imports[x.Name] {
				case "fmt":
					if strings.HasPrefix(f.Sel.Name, "Print") {
						t.Errorf("%s: log with the logger you were handed", s.at(call))
					}
				case "log/slog":
					if slices.Contains([]string{"Debug", "Info", "Warn", "Error", "Default", "SetDefault"}, f.Sel.Name) {
						t.Errorf("%s: log with the logger you were handed", s.at(call))
					}
				}
			}
			return true
		})
	}
}

// TestNothingHappensAtImport: no init, no context kept in a struct.
func TestNothingHappensAtImport(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		imports := s.imports()
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: no init", s.at(n))
				}
			case *ast.StructType:
				for _, field := range n.Fields.List {
					sel, ok := field.Type.(*ast.SelectorExpr)
					if x, isIdent := selX(sel); ok && isIdent && imports[x.Name] == "context" && sel.Sel.Name == "Context" {
						t.Errorf("%s: no context in a struct", s.at(field))
					}
				}
			}
			return true
		})
	}
}

func selX(sel *ast.SelectorExpr) (*ast.Ident, bool) {
	if sel == nil {
		return nil, false
	}
	x, ok := sel.X.(*ast.Ident)
	return x, ok
}

// TestEveryReadHasALimit: io.ReadAll of what somebody else sends stands around
// a limit, in the same expression.
func TestEveryReadHasALimit(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "providers/providertest" {
			continue
		}
		imports := s.imports()
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if x, isIdent := selX(f); !ok || !isIdent || imports[x.Name] != "io" || f.Sel.Name != "ReadAll" {
				return true
			}
			limited, ok := call.Args[0].(*ast.CallExpr)
			if !ok {
				t.Errorf("%s: io.ReadAll without a limit", s.at(call))
				return true
			}
			g, ok := limited.Fun.(*ast.SelectorExpr)
			if !ok || g.Sel.Name != "LimitReader" && g.Sel.Name != "MaxBytesReader" {
				t.Errorf("%s: io.ReadAll without a limit", s.at(call))
			}
			return true
		})
	}
}

// TestDirectDependenciesHaveAReason: go.mod and CONTRIBUTING.md name the same
// modules.
func TestDirectDependenciesHaveAReason(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(mod), "\n") {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) != 2 || !strings.HasPrefix(fields[1], "v") {
			continue // not a requirement, or an indirect one
		}
		if !strings.Contains(string(guide), "`"+fields[0]+"`") {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", fields[0])
		}
	}
}
