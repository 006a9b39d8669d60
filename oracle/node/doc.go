// Package node starts the genuine kubelet of the release that it is built with, on top
// of an API server and a runtime that are given to it, inside a bubble.
//
// One source serves all releases: parameters are filled by type and order, fields that
// only some releases have are set by reflection. The real defaults hold, except for
// what would touch the machine: servers, cgroups, iptables, plugin sockets.
package node
