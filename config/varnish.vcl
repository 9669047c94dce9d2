# Belvedere behind Varnish: one viewer or a thousand, the camera's pieces leave Belvedere once.
#
#   varnishd -a :80 -f /etc/varnish/belvedere.vcl -s malloc,256m
#
# Tried with Varnish 7.1. Varnish speaks no TLS, which iPhones need for HTTP/2 and so for low latency: put
# hitch or HAProxy before it (with ALPN h2, and varnishd -p feature=+http2). Change what is marked with CHANGE.
vcl 4.1;

backend belvedere {
    # CHANGE: where Belvedere listens (server.listen).
    .host = "127.0.0.1";
    .port = "8080";
    .connect_timeout = 2s;
    # Belvedere answers a request for what is still to come when it is there, at the latest after three
    # target durations: 36 s.
    .first_byte_timeout = 60s;
    .between_bytes_timeout = 60s;
}

# CHANGE: who speaks TLS before Varnish, and says so in X-Forwarded-Proto. Nobody else is believed that.
acl tls_before {
    "127.0.0.1";
}

sub vcl_recv {
    # What viewers say of themselves in these is not for Belvedere to believe.
    unset req.http.Forwarded;
    unset req.http.X-Forwarded-Host;
    unset req.http.X-Forwarded-Prefix;
    if (client.ip !~ tls_before) {
        unset req.http.X-Forwarded-Proto;
    }
    # The WebSocket feed: bytes to and fro.
    if (req.http.Upgrade ~ "(?i)websocket" && req.url ~ "^/(t/[^/]+/)?mse/") {
        return (pipe);
    }
    # Files without an end, both ways: live.mp4, and what cameras push.
    if (req.url ~ "^/(t/[^/]+/)?(mp4/[^/]+/live\.mp4|ingest/)") {
        return (pipe);
    }
    # Pages and the API are not for the cache, nor is what somebody gets who is logged in. What lies below an access
    # link is: the link stays in the key.
    if (req.url !~ "^/(t/[^/]+/)?hls/" || (req.method != "GET" && req.method != "HEAD")
        || req.http.Authorization || req.http.Cookie ~ "belvedere_") {
        return (pass);
    }
    # Answers are the same for all viewers. An access token in the query does not get through: use /t/TOKEN/ links.
    unset req.http.Cookie;
    # What a playlist request waits for is part of what it asks for. Nothing else in the query is.
    set req.http.X-Asked = "";
    if (req.url ~ "\.m3u8\?") {
        if (req.url ~ "[?&]_HLS_msn=") {
            set req.http.X-Asked = req.http.X-Asked + regsub(req.url, "^.*?[?&](_HLS_msn=[^&#]*).*$", "&\1");
        }
        if (req.url ~ "[?&]_HLS_part=") {
            set req.http.X-Asked = req.http.X-Asked + regsub(req.url, "^.*?[?&](_HLS_part=[^&#]*).*$", "&\1");
        }
        if (req.url ~ "[?&]_HLS_skip=") {
            set req.http.X-Asked = req.http.X-Asked + regsub(req.url, "^.*?[?&](_HLS_skip=[^&#]*).*$", "&\1");
        }
    }
    set req.url = regsub(req.url, "\?.*$", "") + regsub(req.http.X-Asked, "^&", "?");
    unset req.http.X-Asked;
    return (hash);
}

sub vcl_hash {
    hash_data(req.url);
    return (lookup);
}

sub vcl_pipe {
    if (req.http.Upgrade) {
        set bereq.http.Upgrade = req.http.Upgrade;
        set bereq.http.Connection = req.http.Connection;
    }
    return (pipe);
}

# Encodings need no care: Varnish asks Belvedere for gzip alone, and unzips for who cannot read it.

sub vcl_backend_response {
    # How long something is good stands in Belvedere's Cache-Control, for errors too. An old playlist is never
    # better than none: without this, Varnish hands out what is up to ten seconds too old.
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    # What must not be stored leaves a mark that lets all who ask through to Belvedere at once, for two minutes
    # by default. A camera that was gone for a moment must not do that to its playlist.
    if (beresp.ttl <= 0s || beresp.http.Cache-Control ~ "(?i)no-store|no-cache|private") {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
    }
    return (deliver);
}

sub vcl_backend_error {
    # While Belvedere is away, those who wait together are told so together. Otherwise each would try in turn.
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.http.Retry-After = "1";
    set beresp.http.Access-Control-Allow-Origin = "*";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    synthetic({"Belvedere does not answer
"});
    return (deliver);
}
