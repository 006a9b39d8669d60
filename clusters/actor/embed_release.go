//go:build embed_actor

package actor

import "embed"

// embedded holds the programs that "go generate" wrote.
//
//go:embed bin/version bin/actor-linux-amd64 bin/actor-linux-arm64
var embedded embed.FS
