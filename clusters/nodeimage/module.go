package nodeimage

import (
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// kubernetesModule is the Go module that all programs of a release are compiled from.
const kubernetesModule = "k8s.io/kubernetes"

// etcdModule is the Go module of etcd's server. Its root is the main package.
const etcdModule = "go.etcd.io/etcd/server/v3"

// nestedModule returns the go.mod of a module whose only purpose is to compile the programs of a release. Kubernetes replaces
// its staging repositories by local folders, which a module that requires it does not inherit; each is replaced here by the
// published module of the same release. The language version and the GODEBUG settings are those of the release, since they
// are taken from the main module. text is the go.mod of Kubernetes.
func nestedModule(release gates.Release, text string) (string, error) {
	var settings, staging []string
	block := ""
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case len(fields) == 2 && fields[1] == "(":
			block = fields[0]
		case fields[0] == ")":
			block = ""
		case block == "" && fields[0] == "go",
			// Of the others, winsymlink and such, none matters on Linux; an older compiler knows only some.
			block == "" && fields[0] == "godebug" && strings.HasPrefix(fields[1], "default="):
			settings = append(settings, strings.Join(fields, " "))
		case block == "replace" && len(fields) == 3 && strings.HasPrefix(fields[2], "./staging/"):
			if !strings.HasPrefix(fields[0], "k8s.io/sample-") { // nothing needs them, and not all are published
				staging = append(staging, fields[0])
			}
		}
	}
	if len(settings) == 0 || len(staging) == 0 {
		return "", fmt.Errorf("the go.mod of %s v%s names %d staging repositories and its language version %d times; want at least one of each: it has a new form",
			kubernetesModule, release, len(staging), len(settings))
	}

	version, _ := published(release)
	neighbours := neighboursOf(release)
	var b strings.Builder
	fmt.Fprintf(&b, "module node-image\n\n%s\n\n", strings.Join(settings, "\n\n"))
	fmt.Fprintf(&b, "require %s v%s\n\n", kubernetesModule, release)
	b.WriteString("// The staging repositories, as published with the release.\nreplace (\n")
	for _, name := range staging {
		chosen := version
		if other, ok := neighbours[name]; ok {
			chosen = other
		}
		fmt.Fprintf(&b, "\t%s => %s %s\n", name, name, chosen)
	}
	b.WriteString(")\n")
	return b.String(), nil
}

// etcdNestedModule returns the go.mod of a module that compiles etcd. "go install" at a version would refuse the replacements
// in etcd's own go.mod. language is the version of the Go language that etcd's go.mod names.
func etcdNestedModule(version, language string) string {
	return fmt.Sprintf("module node-image\n\ngo %s\n\nrequire %s %s\n", language, etcdModule, version)
}

// languageOf returns the version of the Go language that a go.mod names, or "" if it names none.
func languageOf(text string) string {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "go" {
			return fields[1]
		}
	}
	return ""
}
