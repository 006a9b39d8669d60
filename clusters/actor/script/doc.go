// Package script is what the actor and those who direct it agree on: the script that a container is given, and the
// journal that it writes. Both are JSON.
//
// A [Script] travels in the environment variable [Variable]. A journal is a sequence of lines, each an [Entry].
//
// The package refuses to know Pods, clusters and the simulator, and imports nothing but the standard library: the actor
// is built from this package and its own files alone, on machines that have no copy of this module.
package script
