package rules

import "strings"

// knownImage is an image whose containers are helpers of others.
type knownImage struct {
	// name is the end of the image's name, without registry, tag and digest.
	name string
	role Role
	// arg, where set, must be among the container's words: an image that is also used for other things.
	arg string
	// mesh says that all traffic of the Pod goes through it, so that every other container needs it.
	mesh bool
	// quit says how a container is told to end from outside, where there is a way; leaves the words with which it ends by itself.
	quit   string
	leaves []string
}

// knownImages are images that are used as helpers and as nothing else. An image that may be somebody's main is not among them
// without an arg: a false "never ends" is worse than a missing one.
var knownImages = []knownImage{
	{name: "istio/proxyv2", arg: "istio-iptables", role: RoleRedirector},
	{name: "istio/proxyv2", role: RoleProxy, mesh: true, quit: "POST http://127.0.0.1:15020/quitquitquit"},
	{name: "proxyv2", arg: "istio-iptables", role: RoleRedirector},
	{name: "proxyv2", arg: "sidecar", role: RoleProxy, mesh: true, quit: "POST http://127.0.0.1:15020/quitquitquit"},
	{name: "linkerd/proxy", role: RoleProxy, mesh: true, quit: "POST http://127.0.0.1:4191/shutdown"},
	{name: "linkerd/proxy-init", role: RoleRedirector},
	{name: "kumahq/kuma-dp", role: RoleProxy, mesh: true, quit: "POST http://127.0.0.1:9901/quitquitquit"},
	{name: "kumahq/kuma-init", role: RoleRedirector},
	{name: "hashicorp/consul-dataplane", role: RoleProxy, mesh: true, quit: "POST http://127.0.0.1:20600/graceful_shutdown"},
	{name: "daprio/daprd", role: RoleProxy, quit: "POST http://127.0.0.1:3500/v1.0/shutdown"},
	{name: "dapr/daprd", role: RoleProxy, quit: "POST http://127.0.0.1:3500/v1.0/shutdown"},
	{name: "aws-appmesh-envoy", role: RoleProxy, mesh: true, quit: "POST http://127.0.0.1:9901/quitquitquit"},
	{name: "aws-appmesh-proxy-route-manager", role: RoleRedirector},
	{name: "cloudsql-docker/gce-proxy", role: RoleProxy, leaves: []string{"-quit_urls", "term_timeout"}},
	{name: "cloud-sql-connectors/cloud-sql-proxy", role: RoleProxy, quit: "POST http://127.0.0.1:9091/quitquitquit"},
	{name: "gcs-fuse-csi-driver-sidecar-mounter", role: RoleVolume, leaves: []string{"exit-file"}},
	{name: "hashicorp/vault", arg: "agent", role: RoleSecrets, leaves: []string{"exit-after-auth", "exit_after_auth"}},
	{name: "banzaicloud/vault-env", role: RoleSecrets},
	{name: "fluent/fluent-bit", role: RoleLogs},
	{name: "aws-observability/aws-for-fluent-bit", role: RoleLogs},
	{name: "amazon/aws-for-fluent-bit", role: RoleLogs},
	{name: "elastic/filebeat", role: RoleLogs},
	{name: "beats/filebeat", role: RoleLogs},
	{name: "grafana/promtail", role: RoleLogs},
	{name: "oauth2-proxy/oauth2-proxy", role: RoleProxy},
	{name: "amazon/cloudwatch-agent", role: RoleLogs},
	{name: "jaegertracing/jaeger-agent", role: RoleOther},
}

// imageName returns the name of an image without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if slash, colon := strings.LastIndexByte(image, '/'), strings.LastIndexByte(image, ':'); colon > slash {
		image = image[:colon]
	}
	return image
}

// endsIn reports whether the last elements of an image's name are those of end.
func endsIn(image, end string) bool {
	rest, found := strings.CutSuffix(image, end)
	return found && (rest == "" || rest[len(rest)-1] == '/')
}

// knows finds the image among those that are known.
func knows(p *part) *knownImage {
	name := imageName(p.Facts.Image)
	for i := range knownImages {
		k := &knownImages[i]
		if endsIn(name, k.name) && (k.arg == "" || says(p, k.arg)) {
			return k
		}
	}
	return nil
}

// says reports whether a word of the container's command or arguments has the text in it.
func says(p *part, text string) bool {
	for _, words := range [...][]string{p.Command, p.Args} {
		for _, word := range words {
			if strings.Contains(word, text) {
				return true
			}
		}
	}
	return false
}

// assign gives every part its role: the declared one, else that of the policy for its image, else that of a known image. Where
// all mains would be helpers, none of them is: somebody's main is such an image.
func assign(parts []part, p *Policy) {
	helpers, mains := 0, 0
	for i := range parts {
		one := &parts[i]
		one.role = one.Role
		one.image = knows(one)
		if one.role == "" {
			for _, r := range p.Roles {
				if endsIn(imageName(one.Facts.Image), r.Image) {
					one.role = r.Role
					break
				}
			}
		}
		if one.role == "" && one.image != nil {
			one.role, one.inferred = one.image.role, true
		}
		if !one.init {
			mains++
			if one.inferred {
				helpers++
			}
		}
	}
	if helpers < mains || mains == 0 {
		return
	}
	for i := range parts {
		if one := &parts[i]; !one.init && one.inferred {
			one.role, one.inferred = "", false
		}
	}
}
