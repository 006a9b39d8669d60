package nodeimage

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// files holds what is put into the root of a node as it is. What lies in a folder "bin" can be executed.
//
//go:embed all:files
var files embed.FS

//go:embed pause/main.go
var pauseSource string

// What the root file system is made of. Both were chosen together: containerd of this suite runs the newest release too.
const suite = "bookworm"

var packages = []string{
	"ca-certificates", "conntrack", "containerd", "containernetworking-plugins", "ethtool", "findutils", "iproute2",
	"iptables", "jq", "kmod", "mount", "procps", "runc", "socat", "systemd", "util-linux",
}

// leftOut is what of the root file system no node needs, and what is the host's own.
var leftOut = []string{
	"./dev/*", "./etc/hostname", "./etc/machine-id", "./etc/resolv.conf", "./proc/*", "./sys/*", "./usr/share/info/*",
	"./usr/share/locale/*", "./usr/share/man/*", "./var/cache/apt/*", "./var/cache/debconf/*", "./var/lib/apt/lists/*", "./var/log/*",
}

// The programs of Kubernetes: those that run on the node itself, and those that are packed as images of their own.
var (
	nodePrograms    = []string{"kubeadm", "kubectl", "kubelet"}
	controlPrograms = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
)

// compilerFlags are those of all programs. The tag leaves out the clouds that old releases have built in.
var compilerFlags = []string{"-mod=mod", "-trimpath", "-tags=providerless"}

// step is one step of a plan. Its result is known by its name and its key.
type step struct {
	name, title string
	inputs      []string // all that its result depends on, a line each; the keys of the steps that it needs are added
	needs       []string // names of earlier steps
	tools       []tool   // what it cannot run without
	inDocker    bool     // the result is an image in Docker's store, else a folder of the cache
	remedy      string   // what can be done when it fails
	run         func(b *builder, ctx context.Context, dir string) error
	key         string
}

// tool is something on the host that a step needs.
type tool string

const (
	docker      tool = "docker"
	debootstrap tool = "debootstrap"
	compiler    tool = "go"
)

// plan returns the steps of a build, in their order. goVersion is what "go env GOVERSION" prints, architecture as GOARCH has it.
func plan(o Options, goVersion, architecture string) ([]step, error) {
	facts, err := factsOf(o.Release)
	if err != nil {
		return nil, err
	}
	platform := "linux/" + architecture
	release := "v" + o.Release.String()
	toolchain := []string{"compiler " + goVersion, "platform " + platform}

	steps := []step{
		{
			name: "rootfs", title: "making the root file system of Debian " + suite, tools: []tool{debootstrap},
			inputs: []string{"suite " + suite, "platform " + platform, "packages " + strings.Join(packages, " "), "without " + strings.Join(leftOut, " ")},
			remedy: "a mirror of Debian must be reachable (name one with the option for the mirror), and there must be 1.5 GB of space",
			run:    (*builder).rootFileSystem,
		},
		{
			name: "base", title: "giving the root file system to Docker", needs: []string{"rootfs"}, tools: []tool{docker}, inDocker: true,
			remedy: "see whether Docker's disk is full (docker system df)",
			run:    (*builder).base,
		},
		{
			name: "module", title: "resolving the modules of Kubernetes " + release, tools: []tool{compiler},
			inputs: slices.Concat([]string{"module " + kubernetesModule + " " + release}, neighbourInputs(o), toolchain),
			remedy: "a Go module proxy must be reachable (go env GOPROXY); if it lacks one of the staging repositories, write a neighbouring version into clusters/nodeimage/neighbours.txt",
			run:    (*builder).module,
		},
	}
	programs := slices.Concat(nodePrograms, controlPrograms)
	for _, program := range programs {
		steps = append(steps, step{
			name: program, title: "compiling " + program + " " + release, needs: []string{"module"}, tools: []tool{compiler},
			inputs: slices.Concat([]string{"package " + kubernetesModule + "/cmd/" + program, "flags " + strings.Join(compilerFlags, " ")}, toolchain),
			remedy: "a compiler that was killed had too little memory: allow fewer jobs at once; else see whether the compiler is newer than what the release can be compiled with",
			run: func(b *builder, ctx context.Context, dir string) error {
				return b.program(ctx, dir, program)
			},
		})
	}
	steps = append(steps,
		step{
			name: "etcd", title: "compiling etcd " + facts.etcd, tools: []tool{compiler},
			inputs: slices.Concat([]string{"module " + etcdModule + " " + facts.etcd, "flags " + strings.Join(compilerFlags, " ")}, toolchain),
			remedy: "a Go module proxy must be reachable (go env GOPROXY)",
			run: func(b *builder, ctx context.Context, dir string) error {
				return b.etcd(ctx, dir, facts.etcd)
			},
		},
		step{
			name: "pause", title: "compiling pause", tools: []tool{compiler},
			inputs: append([]string{"source " + keyOf("main.go", strings.Split(pauseSource, "\n"))}, toolchain...),
			run:    (*builder).pause,
		},
		step{
			name: "images", title: "packing the images of the control plane", needs: slices.Concat([]string{"kubeadm"}, controlPrograms, []string{"etcd", "pause"}),
			inputs: []string{"form 1"}, // count up when pack.go changes what it writes
			remedy: "see whether the disk of the cache is full",
			run:    (*builder).images,
		},
		step{
			name: "node", title: "assembling " + o.Image, needs: slices.Concat([]string{"base"}, nodePrograms, []string{"images"}), tools: []tool{docker}, inDocker: true,
			inputs: append([]string{"release " + release}, fileInputs()...),
			remedy: "see whether Docker's disk is full (docker system df), and whether clusters/nodeimage/prepare-docker has run on this host",
			run:    (*builder).node,
		},
	)
	return withKeys(steps), nil
}

// withKeys gives each step its key, and the keys of the steps that it needs as inputs.
func withKeys(steps []step) []step {
	keys := map[string]string{}
	for i := range steps {
		s := &steps[i]
		for _, name := range s.needs {
			s.inputs = append(s.inputs, "step "+name+" "+keys[name])
		}
		s.key = keyOf(s.name, s.inputs)
		keys[s.name] = s.key
	}
	return steps
}

// neighbourInputs are the stand-ins of the release line, sorted.
func neighbourInputs(o Options) []string {
	var lines []string
	for module, version := range neighboursOf(o.Release) {
		lines = append(lines, "neighbour "+module+" "+version)
	}
	slices.Sort(lines)
	return lines
}

// fileInputs are the files of a node with the hashes of what they hold, sorted.
func fileInputs() []string {
	var lines []string
	for _, f := range nodeFiles() {
		lines = append(lines, fmt.Sprintf("file %s %#o %s", f.path, f.mode, keyOf(f.path, []string{f.text})))
	}
	return lines
}

// nodeFile is a file of a node.
type nodeFile struct {
	path string // from the root, without a leading slash
	mode int64
	text string
}

// nodeFiles returns the embedded files, sorted by path.
func nodeFiles() []nodeFile {
	var all []nodeFile
	err := fs.WalkDir(files, "files", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		f := nodeFile{path: strings.TrimPrefix(path, "files/"), mode: 0o644, text: string(text)}
		if strings.Contains(path, "/bin/") {
			f.mode = 0o755
		}
		all = append(all, f)
		return err
	})
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return all
}
