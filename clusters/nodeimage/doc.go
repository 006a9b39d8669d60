// Package nodeimage builds the image of a kind node for a release of Kubernetes, without a container registry: the programs
// come from Go modules, everything else from Debian packages. It serves machines that reach no registry, and the checks of
// this project. Whoever reaches one takes kind's own images.
//
// Build runs a plan of steps: debootstrap makes a root file system; the kubelet, kubeadm, kubectl and the control plane are
// compiled, etcd and the pause program too; the control plane is packed as images of one static program each; and a container
// imports them into containerd and becomes the image. Every step but the last leaves its result in a cache, under a name that
// is the hash of all that went into it: module, compiler, flags, packages, files. A step whose result is there is skipped, and
// an interrupted build goes on where it was. The image itself remembers the same hash in a label.
//
// The image is smaller than an official one: it has no CoreDNS, no kube-proxy and no network add-on (containerd writes the
// network's settings itself), so Services and names of Services do not work. Kind returns what kind must be told of that.
//
// The package refuses to pull an image, to download a binary, and to guess: a release that sim/gates does not know has none
// of its tables here, and a failing command is an error that says which step, which command, what it printed last, and what
// can be done.
//
// Read plan.go for the steps and what each depends on, then build.go for how they are run. The files of a node lie in files/,
// as they lie in its root; releases.txt and neighbours.txt hold what differs between releases. prepare-docker is a script
// that makes Docker usable on a bare Debian host.
package nodeimage
