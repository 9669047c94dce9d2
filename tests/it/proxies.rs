//! Belvedere behind proxies of other makes, and as a service, with the sample configurations in `config/`.

mod addresses;
mod fan_out;
mod leaving;
mod mounted;
mod served;
mod unit;
