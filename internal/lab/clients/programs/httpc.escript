#!/usr/bin/env escript
%% Erlang's httpc: httpc.escript URL ROOTS [default|crl]
main([Url, Roots | More]) ->
    {ok, _} = application:ensure_all_started(ssl),
    {ok, _} = application:ensure_all_started(inets),
    Name = [{customize_hostname_check, [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}],
    Crl = [{crl_check, true}, {crl_cache, {ssl_crl_cache, {internal, [{http, 5000}]}}}],
    Options = case More of
        ["default"] -> [];
        ["crl"] -> [{verify, verify_peer}, {cacertfile, Roots}, {depth, 9}] ++ Name ++ Crl;
        _ -> [{verify, verify_peer}, {cacertfile, Roots}, {depth, 9}] ++ Name
    end,
    case httpc:request(get, {Url, []}, [{ssl, Options}, {timeout, 10000}, {connect_timeout, 10000}], []) of
        {ok, {_, _, Body}} -> io:format("~s~n", [string:slice(Body, 0, 100)]);
        {error, Why} -> io:format(standard_error, "~0p~n", [Why]), halt(1)
    end.
