// SPDX-License-Identifier: GPL-2.0
/*
 * kitemon: a network device that shows the packets of its namespace to tcpdump
 * and to whoever else captures.
 *
 * While it is up it looks on at the tap (tap.c), and hands what it sees to packet
 * sockets, to nothing else: what was sent here as an outgoing frame, what another
 * node sent as an incoming one. A frame is Ethernet with the ethertype for local
 * experiments, since capture programs take no other kind of device for one that
 * has frames which they could take apart.
 *
 * The device never has a carrier. So the core drops what anybody would send
 * through it before a capture could take it for Kite's, and nobody configures it:
 * IPv6 makes up no address for it.
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <net/rtnetlink.h>

#include "af_kite.h"
#include "tap.h"

#define KITEMON_MTU	(sizeof(struct kite_hdr) + KITE_MAX_PAYLOAD)

/**
 * struct kitemon - such a device
 * @dev: the device
 * @tap: its eye, while it is up
 * @sink: where incoming frames end when all have seen them, or they would count as
 *	dropped for want of a protocol
 */
struct kitemon {
	struct net_device	*dev;
	struct kite_tap		tap;
	struct packet_type	sink;
};

/* A node's address: 02 says that it is given locally; then K and the node. */
static void kitemon_mac(u8 *mac, u32 node)
{
	const __be32 id = cpu_to_be32(node);

	mac[0] = 0x02;
	mac[1] = 'K';
	memcpy(mac + 2, &id, sizeof(id));
}

/*
 * All that passes is counted, as other devices do. But unless somebody captures,
 * nothing is copied for it.
 */
static bool kitemon_wants(const struct kite_tap *tap, const struct kite_packet *pkt,
			  const struct sk_buff *skb)
{
	struct net_device *dev = container_of(tap, struct kitemon, tap)->dev;
	unsigned int len = skb ? skb->len : 0;

	local_bh_disable();
	dev_sw_netstats_rx_add(dev, ETH_HLEN + sizeof(struct kite_hdr) + len);
	local_bh_enable();
	return dev_nit_active(dev);
}

static void kitemon_push(struct sk_buff *skb, const struct kite_packet *pkt)
{
	struct ethhdr *eth;

	skb_reset_network_header(skb);
	eth = skb_push(skb, ETH_HLEN);
	skb_reset_mac_header(skb);
	kitemon_mac(eth->h_dest, pkt->dst.node);
	kitemon_mac(eth->h_source, pkt->src.node);
	eth->h_proto = htons(ETH_P_802_EX1);
	skb->protocol = eth->h_proto;
}

/* Packet sockets are called with bottom halves disabled, and take what they like. */
static void kitemon_deliver(struct net_device *dev, struct sk_buff *skb, bool sent_here)
{
	skb->dev = dev;
	local_bh_disable();
	if (sent_here) {
		dev_queue_xmit_nit(skb, dev);
		consume_skb(skb);
	} else {
		__skb_pull(skb, ETH_HLEN);
		skb->pkt_type = PACKET_HOST;
		netif_receive_skb(skb);
	}
	local_bh_enable();
}

static void kitemon_show(struct kite_tap *tap, const struct kite_packet *pkt,
			 struct sk_buff *skb)
{
	struct net_device *dev = container_of(tap, struct kitemon, tap)->dev;

	if (!skb || skb_cow_head(skb, ETH_HLEN)) {
		dev_core_stats_rx_dropped_inc(dev);
		kfree_skb(skb);
		return;
	}
	kitemon_push(skb, pkt);
	kitemon_deliver(dev, skb, kite_node_is_local(dev_net(dev), pkt->src.node));
}

static const struct kite_tap_ops kitemon_tap_ops = {
	.wants	= kitemon_wants,
	.show	= kitemon_show,
};

static int kitemon_sink(struct sk_buff *skb, struct net_device *dev,
			struct packet_type *type, struct net_device *orig)
{
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

static int kitemon_init(struct net_device *dev)
{
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
}

static void kitemon_uninit(struct net_device *dev)
{
	free_percpu(dev->tstats);
}

static int kitemon_open(struct net_device *dev)
{
	struct kitemon *mon = netdev_priv(dev);

	dev_add_pack(&mon->sink);
	kite_tap_add(dev_net(dev), &mon->tap);
	return 0;
}

/* dev_remove_pack() waits until nobody uses the tap any more, either. */
static int kitemon_stop(struct net_device *dev)
{
	struct kitemon *mon = netdev_priv(dev);

	kite_tap_del(dev_net(dev), &mon->tap);
	dev_remove_pack(&mon->sink);
	return 0;
}

/* For what comes past the missing carrier. Nothing leads from here into Kite. */
static netdev_tx_t kitemon_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops kitemon_ops = {
	.ndo_init		= kitemon_init,
	.ndo_uninit		= kitemon_uninit,
	.ndo_open		= kitemon_open,
	.ndo_stop		= kitemon_stop,
	.ndo_start_xmit		= kitemon_xmit,
	.ndo_get_stats64	= dev_get_tstats64,
};

static void kitemon_setup(struct net_device *dev)
{
	struct kitemon *mon = netdev_priv(dev);
	u8 mac[ETH_ALEN];

	ether_setup(dev);
	dev->netdev_ops = &kitemon_ops;
	dev->needs_free_netdev = true;
	dev->flags = IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_DONT_BRIDGE;
	/* The largest packet. Another MTU would be a lie. */
	dev->mtu = KITEMON_MTU;
	dev->min_mtu = KITEMON_MTU;
	dev->max_mtu = KITEMON_MTU;
	kitemon_mac(mac, KITE_NODE_LOCAL);
	eth_hw_addr_set(dev, mac);
	netif_carrier_off(dev);

	mon->dev = dev;
	mon->tap.ops = &kitemon_tap_ops;
	mon->sink.type = htons(ETH_P_802_EX1);
	mon->sink.dev = dev;
	mon->sink.func = kitemon_sink;
}

static int kitemon_validate(struct nlattr *tb[], struct nlattr *data[],
			    struct netlink_ext_ack *extack)
{
	if (!tb[IFLA_ADDRESS])
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
			    "The address of a kitemon device cannot be chosen");
	return -EINVAL;
}

static struct rtnl_link_ops kitemon_link_ops __read_mostly = {
	.kind		= "kitemon",
	.priv_size	= sizeof(struct kitemon),
	.setup		= kitemon_setup,
	.validate	= kitemon_validate,
};

/**
 * kitemon_register - from now on there can be kitemon devices
 *
 * Context: Process context.
 * Return: 0 or what the core says.
 */
int kitemon_register(void)
{
	return rtnl_link_register(&kitemon_link_ops);
}

/**
 * kitemon_unregister - the opposite; all that there are go
 *
 * Context: Process context.
 */
void kitemon_unregister(void)
{
	rtnl_link_unregister(&kitemon_link_ops);
}

MODULE_ALIAS_RTNL_LINK("kitemon");
