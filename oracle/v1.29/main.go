// Command v1.29 is the oracle built with this release of Kubernetes. See package oracle.
package main

import "github.com/sidecar-conformance/sidecar-conformance/oracle"

func main() { oracle.Main() }
