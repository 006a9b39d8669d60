// Newmodule prints the go.mod of the oracle for one release of Kubernetes:
//
//	go run ./newmodule v1.33.13 path/to/k8s.io/kubernetes@v1.33.13/go.mod ../clusters/nodeimage/neighbours.txt > v1.33/go.mod
//
// Kubernetes replaces its staging repositories by local folders, which a module
// that requires it does not inherit; each must be replaced here by the published
// module of the same release, or by the neighbour of it that the table names. Those
// take no part in what is observed.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

const product = "github.com/sidecar-conformance/sidecar-conformance"

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: newmodule VERSION GO.MOD-OF-KUBERNETES TABLE-OF-NEIGHBOURS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "newmodule:", err)
		os.Exit(1)
	}
}

func run(version, path, table string) error {
	mod, err := read(path)
	if err != nil {
		return fmt.Errorf("reading the go.mod of Kubernetes: %w", err)
	}
	neighbours, err := readNeighbours(table)
	if err != nil {
		return fmt.Errorf("reading the neighbours: %w", err)
	}
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) != 3 || len(mod.staging) == 0 {
		return fmt.Errorf("version %q with %d staging modules", version, len(mod.staging))
	}
	published := "v0." + parts[1] + "." + parts[2]

	fmt.Printf("module %s/oracle/v1.%s\n\ngo 1.26\n\n", product, parts[1])
	fmt.Printf("require (\n\t%s v0.0.0\n\t%s/oracle v0.0.0\n\tk8s.io/kubernetes %s\n)\n\n", product, product, version)
	fmt.Printf("// The shared source and the product.\nreplace (\n\t%s => ../..\n\t%s/oracle => ..\n)\n\n", product, product)
	fmt.Printf("// The staging repositories, as published with the release.\nreplace (\n")
	for _, name := range mod.staging {
		chosen := published
		if other, ok := neighbours[name+" v0."+parts[1]]; ok {
			chosen = other
		}
		fmt.Printf("\t%s => %s %s\n", name, name, chosen)
	}
	fmt.Printf(")\n\n// Everything else, as the release itself was built with: the product asks for newer ones.\nreplace (\n")
	for _, required := range mod.required {
		fmt.Printf("\t%s => %s %s\n", required[0], required[0], required[1])
	}
	fmt.Println(")")
	return nil
}

// readNeighbours returns the published versions that stand in for one that module proxies lack or cannot verify, by module
// and release line.
func readNeighbours(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	neighbours := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] != "#" {
			neighbours[fields[0]+" "+fields[1]] = fields[2]
		}
	}
	return neighbours, nil
}

// goMod is what matters of a go.mod: modules that it replaces by folders below staging, and all others that it requires,
// with their versions, in file order.
type goMod struct {
	staging  []string
	required [][2]string
}

func read(path string) (*goMod, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	mod, block := &goMod{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "//")
		fields := strings.Fields(text)
		switch {
		case len(fields) == 2 && fields[1] == "(":
			block = fields[0]
			continue
		case len(fields) == 1 && fields[0] == ")":
			block = ""
			continue
		case len(fields) > 2 && block == "":
			continue // Kubernetes writes blocks only
		}
		switch {
		case block == "replace" && len(fields) == 3 && strings.HasPrefix(fields[2], "./staging/"):
			if !strings.HasPrefix(fields[0], "k8s.io/sample-") { // not published, not needed
				mod.staging = append(mod.staging, fields[0])
			}
		case block == "require" && len(fields) == 2 && fields[1] != "v0.0.0":
			mod.required = append(mod.required, [2]string{fields[0], fields[1]})
		}
	}
	return mod, nil
}
